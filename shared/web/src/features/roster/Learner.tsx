import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';
import { service } from '../../api';
import type { RosterLine } from '../../api/types';
import { Back } from '../../ui/Back';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { ClassChoice } from './ClassChoice';
import { Guardians } from './Guardians';
import { mayChange, type Place, usePlace } from './place';
import { reread, rosterQuery, schoolClassesQuery } from './queries';
import { Slips } from './Slips';

/** One learner of the list: what is known of her, her guardians, and what happens when she goes. */
export function Learner() {
  const { t } = useTranslation();
  const place = usePlace();
  const { learner: id = '' } = useParams();
  const query = useQuery(rosterQuery(place.school));
  const classes = useQuery(schoolClassesQuery(place.school)).data ?? [];
  const back = <Back to={place.base}>{t('roster.title')}</Back>;
  return (
    <Loaded query={query}>
      {(list) => {
        const line = list.find((l) => l.id === id);
        if (!line) {
          return (
            <Page title={t('roster.title')} above={back}>
              <Empty title={t('error.code.not_at_school')} />
            </Page>
          );
        }
        const may = mayChange(place, line.class_name, classes);
        return (
          <Page title={line.full_name} lead={line.class_name} above={back}>
            {line.waiting && <Notice kind="waiting">{t('roster.waiting_text')}</Notice>}
            {!may && <Notice>{t('roster.read_only')}</Notice>}
            <Known key={line.id} line={line} place={place} may={may} />
            {place.seesGuardians && <Guardians place={place} learner={line.id} />}
            {may && (
              <Card>
                <Slips school={place.school} learners={[line.id]} kind="link" />
              </Card>
            )}
            {may && <Going line={line} place={place} />}
          </Page>
        );
      }}
    </Loaded>
  );
}

const FIELDS = ['full_name', 'grade', 'class_name', 'admission_number', 'upi', 'born'] as const;
type Form = Record<(typeof FIELDS)[number], string>;

/** What stands about a learner; only what was changed is sent, so that two people correct two things. */
function Known({ line, place, may }: { line: RosterLine; place: Place; may: boolean }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const classes = useQuery(schoolClassesQuery(place.school)).data ?? [];
  const stands = Object.fromEntries(FIELDS.map((f) => [f, line[f] ?? ''])) as Form;
  const [form, setForm] = useState(stands);
  const changed = FIELDS.filter((f) => form[f] !== stands[f]);
  const save = useMutation({
    mutationFn: () =>
      service.patch('/schools/{id}/roster/{learner}', {
        path: { id: place.school, learner: line.id },
        body: Object.fromEntries(changed.map((f) => [f, form[f]])),
      }),
    onSuccess: () => reread(queries),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };
  const text = (field: keyof Form, label: string, hint?: string) => (
    <TextField
      label={label}
      hint={hint}
      autoComplete="off"
      value={form[field]}
      onChange={(e) => setForm({ ...form, [field]: e.target.value })}
    />
  );
  const own = classes.filter((c) => c.active && mayChange(place, c.name, classes));
  return (
    <Card>
      <form onSubmit={submit}>
        <fieldset disabled={!may} className="space-y-4">
          <legend className="sr-only">{line.full_name}</legend>
          {text('full_name', t('import.column.full_name'))}
          <ClassChoice
            classes={own}
            grade={form.grade}
            className={form.class_name}
            makes={mayChange(place, '', [])}
            onChange={(grade, class_name) => setForm({ ...form, grade, class_name })}
          />
          <div className="grid gap-4 sm:grid-cols-2">
            {text('admission_number', t('import.column.admission_number'))}
            {text('upi', t('import.column.upi'))}
            {text('born', t('import.column.born'), t('roster.born_hint'))}
          </div>
          {save.error && <Failure error={save.error} />}
          {save.isSuccess && changed.length === 0 && (
            <Notice kind="good" live>
              {t('roster.saved')}
            </Notice>
          )}
          {may && (
            <Button type="submit" disabled={save.isPending || changed.length === 0}>
              {t('roster.save')}
            </Button>
          )}
        </fieldset>
      </form>
    </Card>
  );
}

/** She goes: to another school with a code, or away. */
function Going({ line, place }: { line: RosterLine; place: Place }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [sure, setSure] = useState(false);
  const leave = useMutation({
    mutationFn: () =>
      service.post('/schools/{id}/roster/{learner}/leave', {
        path: { id: place.school, learner: line.id },
      }),
    onSuccess: async () => {
      await reread(queries);
      navigate(place.base);
    },
  });
  return (
    <Card>
      <details>
        <summary className="flex min-h-tap cursor-pointer items-center text-lg font-bold">
          {t('roster.going')}
        </summary>
        <div className="mt-3 space-y-4">
          <Slips school={place.school} learners={[line.id]} kind="transfer" />
          <p>{t('roster.leave_text', { name: line.full_name })}</p>
          {leave.error && <Failure error={leave.error} />}
          <Button
            look="plain"
            disabled={leave.isPending}
            onClick={() => (sure ? leave.mutate() : setSure(true))}
          >
            {t(sure ? 'roster.leave_sure' : 'roster.leave')}
          </Button>
        </div>
      </details>
    </Card>
  );
}
