import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Back } from '../../ui/Back';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { ClassChoice } from './ClassChoice';
import { usePlace } from './place';
import { reread, schoolClassesQuery } from './queries';

const EMPTY = { code: '', grade: '', class_name: '', admission_number: '' };

/** Takes in a learner of another school by the code she brings. At the box the answer comes with the internet. */
export function Receive() {
  const { t } = useTranslation();
  const { school, base } = usePlace();
  const queries = useQueryClient();
  const classes = useQuery(schoolClassesQuery(school)).data ?? [];
  const [form, setForm] = useState(EMPTY);
  const ask = useMutation({
    mutationFn: () =>
      service.post('/schools/{id}/roster-transfers', {
        path: { id: school },
        body: { ...form, class_name: form.class_name || form.grade },
      }),
    onSuccess: () => {
      setForm(EMPTY);
      return reread(queries);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!ask.isPending) ask.mutate();
  };
  return (
    <Page
      title={t('receive.title')}
      lead={t('receive.lead')}
      above={<Back to={base}>{t('roster.title')}</Back>}
    >
      <Card>
        <form onSubmit={submit} className="space-y-4">
          <TextField
            label={t('receive.code')}
            required
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            value={form.code}
            onChange={(e) => setForm({ ...form, code: e.target.value })}
          />
          <ClassChoice
            classes={classes.filter((c) => c.active)}
            grade={form.grade}
            className={form.class_name}
            makes
            onChange={(grade, class_name) => setForm({ ...form, grade, class_name })}
          />
          <TextField
            label={t('import.column.admission_number')}
            autoComplete="off"
            value={form.admission_number}
            onChange={(e) => setForm({ ...form, admission_number: e.target.value })}
          />
          {ask.error && <Failure error={ask.error} />}
          {ask.isSuccess && (
            <Notice kind="good" live>
              {t('receive.done')}
            </Notice>
          )}
          <Button type="submit" disabled={ask.isPending || !form.grade}>
            {t('receive.submit')}
          </Button>
        </form>
      </Card>
    </Page>
  );
}
