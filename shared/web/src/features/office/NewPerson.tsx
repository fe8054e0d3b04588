import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { SelectField, TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';

/** Whom an admin invites. Learners come by their school or their guardian. */
const INVITED = ['staff', 'admin', 'instructor', 'partner', 'parent'];
const EMPTY = { name: '', email: '', role: 'staff', language: 'en' };

/** Admins open the accounts that nobody can open for herself, staff and admins, and others too. */
export function NewPerson() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [form, setForm] = useState(EMPTY);
  const set = (change: Partial<typeof EMPTY>) => {
    setForm({ ...form, ...change });
    if (!create.isIdle) create.reset();
  };
  const create = useMutation({
    mutationFn: async (it: typeof EMPTY) => {
      await service.post('/admin/users', {
        body: {
          email: it.email.trim(),
          role: it.role,
          language: it.language,
          profile_data: { full_name: it.name.trim() },
        },
      });
      return it;
    },
    onSuccess: () => setForm(EMPTY),
    onSettled: () => queries.invalidateQueries({ queryKey: ['people'] }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!create.isPending) create.mutate(form);
  };
  return (
    <Card>
      <details>
        <summary className="flex min-h-tap cursor-pointer items-center text-lg font-bold">
          {t('people.new')}
        </summary>
        <form onSubmit={submit} className="mt-3 space-y-4">
          <p className="text-muted">{t('people.new_text')}</p>
          <div className="grid gap-4 sm:grid-cols-2">
            <TextField
              label={t('me.name')}
              required
              maxLength={120}
              autoComplete="off"
              value={form.name}
              onChange={(e) => set({ name: e.target.value })}
            />
            <TextField
              label={t('people.email')}
              type="email"
              required
              maxLength={254}
              autoComplete="off"
              value={form.email}
              onChange={(e) => set({ email: e.target.value })}
            />
            <SelectField
              label={t('people.role')}
              value={form.role}
              onChange={(e) => set({ role: e.target.value })}
            >
              {INVITED.map((role) => (
                <option key={role} value={role}>
                  {t(`people.role_${role}`)}
                </option>
              ))}
            </SelectField>
            <SelectField
              label={t('people.new_language')}
              value={form.language}
              onChange={(e) => set({ language: e.target.value })}
            >
              <option value="en" lang="en">
                English
              </option>
              <option value="sw" lang="sw">
                Kiswahili
              </option>
            </SelectField>
          </div>
          {(form.role === 'admin' || form.role === 'staff') && (
            <p className="text-muted">{t('people.new_factor')}</p>
          )}
          {create.error && <Failure error={create.error} />}
          {create.data && (
            <Notice kind="good" live>
              {t('people.new_done', { name: create.data.name.trim(), email: create.data.email.trim() })}
            </Notice>
          )}
          <Button type="submit" disabled={create.isPending}>
            {t('people.new_button')}
          </Button>
        </form>
      </details>
    </Card>
  );
}
