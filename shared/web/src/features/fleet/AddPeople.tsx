import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { Duty } from '../../api/types';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Check, SelectField, TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { gradeName } from '../catalogue/area';
import { GRADES } from '../catalogue/grades';
import { learnersQuery } from '../identity/queries';
import { DUTIES } from './duties';

interface PostFormProps {
  title: string;
  button: string;
  post: () => Promise<unknown>;
  onDone: () => void;
  children: ReactNode;
}

/** A small form that posts once, says what happened, and empties itself. */
function PostForm({ title, button, post: send, onDone, children }: PostFormProps) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const post = useMutation({
    mutationFn: send,
    onSuccess: () => {
      onDone();
      return Promise.all(
        ['learners', 'instructors'].map((list) => queries.invalidateQueries({ queryKey: [list] })),
      );
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!post.isPending) post.mutate();
  };
  return (
    <Card>
      <details>
        <summary className="flex min-h-tap cursor-pointer items-center text-lg font-bold">{title}</summary>
        <form onSubmit={submit} className="mt-3 space-y-4">
          {children}
          {post.error && <Failure error={post.error} />}
          {post.isSuccess && (
            <Notice kind="good" live>
              {t('school.added')}
            </Notice>
          )}
          <Button type="submit" disabled={post.isPending}>
            {button}
          </Button>
        </form>
      </details>
    </Card>
  );
}

export function AddLearner({ school }: { school: string }) {
  const { t } = useTranslation();
  const empty = { full_name: '', grade: 'Grade 4', class_name: '', admission_number: '', pin: '' };
  const [form, setForm] = useState(empty);
  const set = (change: Partial<typeof empty>) => setForm({ ...form, ...change });
  return (
    <PostForm
      title={t('school.add_learner')}
      button={t('school.add')}
      post={() => service.post('/schools/{id}/learners', { path: { id: school }, body: form })}
      onDone={() => set({ full_name: '', admission_number: '', pin: '' })}
    >
      <TextField
        label={t('me.name')}
        required
        maxLength={120}
        value={form.full_name}
        onChange={(e) => set({ full_name: e.target.value })}
      />
      <SelectField label={t('me.grade')} value={form.grade} onChange={(e) => set({ grade: e.target.value })}>
        {GRADES.map((grade) => (
          <option key={grade} value={grade}>
            {gradeName(grade, t)}
          </option>
        ))}
      </SelectField>
      <TextField
        label={t('class.class')}
        required
        maxLength={40}
        value={form.class_name}
        onChange={(e) => set({ class_name: e.target.value })}
      />
      <TextField
        label={t('school.admission')}
        maxLength={40}
        value={form.admission_number}
        onChange={(e) => set({ admission_number: e.target.value })}
      />
      <TextField
        label={t('school.pin')}
        hint={t('school.pin_hint')}
        required
        inputMode="numeric"
        pattern="[0-9]{4,6}"
        maxLength={6}
        autoComplete="off"
        value={form.pin}
        onChange={(e) => set({ pin: e.target.value })}
      />
    </PostForm>
  );
}

/** Who only looks after the box adds teachers without a duty; duties are the head's to give. */
export function AddInstructor({ school, appoints }: { school: string; appoints: boolean }) {
  const { t } = useTranslation();
  const empty = { email: '', full_name: '', school_password: '', duties: [] as Duty[] };
  const [form, setForm] = useState(empty);
  const set = (change: Partial<typeof empty>) => setForm({ ...form, ...change });
  return (
    <PostForm
      title={t('school.add_instructor')}
      button={t('school.add')}
      post={() => service.post('/schools/{id}/instructors', { path: { id: school }, body: form })}
      onDone={() => setForm(empty)}
    >
      <TextField
        label={t('me.name')}
        required
        maxLength={120}
        value={form.full_name}
        onChange={(e) => set({ full_name: e.target.value })}
      />
      <TextField
        label={t('signin.email')}
        type="email"
        required
        autoComplete="off"
        value={form.email}
        onChange={(e) => set({ email: e.target.value })}
      />
      <TextField
        label={t('signin.school_password')}
        hint={t('school.password_hint')}
        type="password"
        required
        minLength={8}
        autoComplete="new-password"
        value={form.school_password}
        onChange={(e) => set({ school_password: e.target.value })}
      />
      {appoints && (
        <fieldset className="space-y-2">
          <legend className="mb-1.5 font-medium">{t('me.duties')}</legend>
          {DUTIES.map((duty) => (
            <Check
              key={duty}
              label={t(`duty.${duty}`)}
              checked={form.duties.includes(duty)}
              onChange={(on) =>
                set({ duties: on ? [...form.duties, duty] : form.duties.filter((d) => d !== duty) })
              }
            />
          ))}
        </fieldset>
      )}
    </PostForm>
  );
}

export function AddGuardian({ school }: { school: string }) {
  const { t } = useTranslation();
  const query = useQuery(learnersQuery(school));
  const learners = query.data ?? [];
  const empty = {
    learner_id: '',
    name: '',
    phone_number: '',
    relationship: '',
    parent_email: '',
    verified: false,
  };
  const [form, setForm] = useState(empty);
  const set = (change: Partial<typeof empty>) => setForm({ ...form, ...change });
  return (
    <PostForm
      title={t('school.add_guardian')}
      button={t('school.add')}
      post={() => service.post('/schools/{id}/guardians', { path: { id: school }, body: form })}
      onDone={() => setForm(empty)}
    >
      <SelectField
        label={t('payments.learner')}
        required
        value={form.learner_id}
        onChange={(e) => set({ learner_id: e.target.value })}
      >
        <option value="">{t('payments.choose')}</option>
        {learners.map((l) => (
          <option key={l.id} value={l.id}>
            {l.full_name}
          </option>
        ))}
      </SelectField>
      {query.error && !query.data && (
        <Failure error={query.error} busy={query.isFetching} onRetry={() => void query.refetch()} />
      )}
      <TextField
        label={t('me.name')}
        required
        maxLength={120}
        value={form.name}
        onChange={(e) => set({ name: e.target.value })}
      />
      <TextField
        label={t('me.phone')}
        hint={t('school.phone_hint')}
        type="tel"
        required
        autoComplete="off"
        value={form.phone_number}
        onChange={(e) => set({ phone_number: e.target.value })}
      />
      <TextField
        label={t('school.relationship')}
        maxLength={40}
        value={form.relationship}
        onChange={(e) => set({ relationship: e.target.value })}
      />
      <TextField
        label={t('school.parent_email')}
        hint={t('school.parent_email_hint')}
        type="email"
        autoComplete="off"
        value={form.parent_email}
        onChange={(e) => set({ parent_email: e.target.value })}
      />
      <Check
        label={t('school.verified')}
        hint={t('school.verified_hint')}
        checked={form.verified}
        onChange={(verified) => set({ verified })}
      />
    </PostForm>
  );
}
