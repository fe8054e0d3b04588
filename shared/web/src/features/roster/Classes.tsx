import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { SchoolClass } from '../../api/types';
import { Back } from '../../ui/Back';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Check, SelectField, TextField } from '../../ui/Field';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { instructorsQuery } from '../identity/queries';
import { GradeField } from './ClassChoice';
import { type Place, usePlace } from './place';
import { reread, schoolClassesQuery } from './queries';
import { Terms } from './Terms';

/** The classes of a school with their teachers, and the dates of its terms. */
export function Classes() {
  const { t } = useTranslation();
  const place = usePlace();
  const query = useQuery(schoolClassesQuery(place.school));
  return (
    <Page title={t('classes.title')} above={<Back to={place.base}>{t('roster.title')}</Back>}>
      <Loaded query={query} isEmpty={(list) => list.length === 0} empty={<Empty title={t('classes.none')} />}>
        {(list) => (
          <ul className="space-y-3">
            {list.map((c) => (
              <li key={c.id}>
                <Card>
                  <details>
                    <summary className="flex min-h-tap cursor-pointer flex-wrap items-center justify-between gap-2 font-medium">
                      {c.name}
                      <span className="text-sm font-normal text-muted">
                        {t('signin.learners', { count: c.learners })}
                      </span>
                    </summary>
                    <ClassForm place={place} known={c} />
                  </details>
                </Card>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      {place.manages && (
        <Card>
          <h2 className="text-lg">{t('classes.add')}</h2>
          <ClassForm place={place} />
        </Card>
      )}
      <Terms place={place} />
    </Page>
  );
}

/** A new class, or the grade and teacher of one: its name is what learners are in, and stays. */
function ClassForm({ place, known }: { place: Place; known?: SchoolClass }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const teachers = useQuery({ ...instructorsQuery(place.school), enabled: place.manages }).data ?? [];
  const empty = {
    name: known?.name ?? '',
    grade: known?.grade ?? '',
    teacher_id: known?.teacher_id ?? '',
    closed: known ? !known.active : false,
  };
  const [form, setForm] = useState(empty);
  const save = useMutation({
    mutationFn: () =>
      service.put('/schools/{id}/classes', {
        path: { id: place.school },
        body: { ...form, ...(known?.stream && { stream: known.stream }) },
      }),
    onSuccess: () => {
      if (!known) setForm(empty);
      return reread(queries);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };
  return (
    <form onSubmit={submit} className="mt-3">
      <fieldset disabled={!place.manages} className="space-y-4">
        <legend className="sr-only">{known?.name ?? t('classes.add')}</legend>
        {!known && (
          <TextField
            label={t('roster.class_name')}
            required
            maxLength={60}
            autoComplete="off"
            value={form.name}
            onChange={(e) => setForm({ ...form, name: e.target.value })}
          />
        )}
        <GradeField grade={form.grade} onChange={(grade) => setForm({ ...form, grade })} />
        {place.manages && (
          <>
            <SelectField
              label={t('classes.teacher')}
              hint={t('classes.teacher_hint')}
              value={form.teacher_id}
              onChange={(e) => setForm({ ...form, teacher_id: e.target.value })}
            >
              <option value="">–</option>
              {teachers.map((teacher) => (
                <option key={teacher.id} value={teacher.id}>
                  {teacher.full_name}
                </option>
              ))}
            </SelectField>
            {known && (
              <Check
                label={t('classes.closed')}
                checked={form.closed}
                onChange={(closed) => setForm({ ...form, closed })}
              />
            )}
            {save.error && <Failure error={save.error} />}
            <Button type="submit" look="plain" disabled={save.isPending || !form.grade}>
              {t(save.isSuccess ? 'classes.saved' : 'roster.save')}
            </Button>
          </>
        )}
      </fieldset>
    </form>
  );
}
