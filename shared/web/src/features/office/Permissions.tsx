import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { PermittedFeature } from '../../api/types';
import { moment } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { SelectField, TextField } from '../../ui/Field';
import { Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { Allowed } from './Office';
import { delegationsQuery, peopleQuery, permissionsQuery } from './queries';

/** The table of who may do what, and what is lent to staff. */
export function Permissions() {
  return (
    <Allowed feature="permissions">
      <Found />
    </Allowed>
  );
}

function Found() {
  const { t } = useTranslation();
  const query = useQuery(permissionsQuery);
  return (
    <Page title={t('office.permissions')} lead={t('permissions.lead')}>
      <Back to="/office">{t('office.title')}</Back>
      <Loaded query={query}>
        {(table) => (
          <>
            <Table roles={table.roles.map((r) => r.name)} features={table.features} />
            <Delegations features={table.features.filter((f) => f.lendable)} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Table({ roles, features }: { roles: string[]; features: PermittedFeature[] }) {
  const { t } = useTranslation();
  return (
    <section
      className="overflow-x-auto rounded-card border border-line bg-surface"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what is wider than the screen is scrolled by keyboard too
      tabIndex={0}
      aria-label={t('office.permissions')}
    >
      <table className="w-full border-collapse text-sm">
        <thead>
          <tr>
            <th scope="col" className="sticky left-0 bg-surface p-3 text-left">
              {t('permissions.feature')}
            </th>
            {roles.map((role) => (
              <th key={role} scope="col" className="whitespace-nowrap p-3 text-left">
                {t(`people.role_${role}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {features.map((f) => (
            <tr key={f.feature} className="border-t border-line">
              <th scope="row" className="sticky left-0 bg-surface p-3 text-left font-medium">
                {t(`feature.${f.feature}`, { defaultValue: f.name })}
              </th>
              {roles.map((role) => (
                <td key={role} className="whitespace-nowrap p-3">
                  {f.grades[role] ? t(`grade.${f.grades[role]}`) : <span className="text-muted">–</span>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Delegations({ features }: { features: PermittedFeature[] }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const query = useQuery(delegationsQuery);
  const again = () => queries.invalidateQueries({ queryKey: ['delegations'] });
  const withdraw = useMutation({
    mutationFn: (id: string) => service.delete('/admin/delegations/{id}', { path: { id } }),
    onSettled: again,
  });
  return (
    <div className="grid gap-6 lg:grid-cols-2 lg:items-start">
      <Card className="space-y-3">
        <h2 className="text-lg">{t('permissions.delegations')}</h2>
        <Loaded
          query={query}
          rows={1}
          isEmpty={(list) => list.length === 0}
          empty={<p className="text-muted">{t('permissions.none')}</p>}
        >
          {(list) => (
            <ul className="space-y-2">
              {list.map((d) => (
                <li key={d.id} className="flex flex-wrap items-center gap-2 border-b border-line pb-2">
                  <span className="min-w-0 flex-1 basis-40">
                    <span className="block font-semibold">{d.name}</span>
                    <span className="block text-sm text-muted">
                      {t(`feature.${d.feature}`, { defaultValue: d.feature })}: {t(`grade.${d.grade}`)} ·{' '}
                      {t('people.until', { when: moment(d.until, i18n.language) })} · {d.reason}
                    </span>
                  </span>
                  <Button look="plain" disabled={withdraw.isPending} onClick={() => withdraw.mutate(d.id)}>
                    {t('permissions.withdraw')}
                  </Button>
                </li>
              ))}
            </ul>
          )}
        </Loaded>
        {withdraw.error && <Failure error={withdraw.error} />}
      </Card>
      <Lend features={features} done={again} />
    </div>
  );
}

function Lend({ features, done }: { features: PermittedFeature[]; done: () => void }) {
  const { t } = useTranslation();
  const staff = useQuery(peopleQuery({ search: '', role: 'staff', status: 'active', page: 1 }, false));
  const [who, setWho] = useState('');
  const [feature, setFeature] = useState(features[0]?.feature ?? '');
  const [grade, setGrade] = useState('view');
  const [until, setUntil] = useState('');
  const [reason, setReason] = useState('');
  const lend = useMutation({
    mutationFn: () =>
      service.post('/admin/delegations', {
        body: { account_id: who, feature, grade, reason: reason.trim(), until: `${until}T23:59:59Z` },
      }),
    onSettled: done,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!lend.isPending) lend.mutate();
  };
  return (
    <Card>
      <form onSubmit={submit} className="space-y-4">
        <h2 className="text-lg">{t('permissions.lend')}</h2>
        <Loaded
          query={staff}
          rows={1}
          isEmpty={(page) => page.total === 0}
          empty={<Notice>{t('permissions.no_staff')}</Notice>}
        >
          {(page) => (
            <SelectField
              label={t('people.role_staff')}
              required
              value={who}
              onChange={(e) => setWho(e.target.value)}
            >
              <option value="">–</option>
              {page.users?.map((u) => (
                <option key={u.id} value={u.id}>
                  {`${u.first_name} ${u.last_name}`.trim()}
                </option>
              ))}
            </SelectField>
          )}
        </Loaded>
        <SelectField
          label={t('permissions.feature')}
          value={feature}
          onChange={(e) => setFeature(e.target.value)}
        >
          {features.map((f) => (
            <option key={f.feature} value={f.feature}>
              {t(`feature.${f.feature}`, { defaultValue: f.name })}
            </option>
          ))}
        </SelectField>
        <SelectField label={t('permissions.grade')} value={grade} onChange={(e) => setGrade(e.target.value)}>
          {['view', 'manage', 'full'].map((g) => (
            <option key={g} value={g}>
              {t(`grade.${g}`)}
            </option>
          ))}
        </SelectField>
        <TextField
          label={t('permissions.until')}
          type="date"
          required
          value={until}
          onChange={(e) => setUntil(e.target.value)}
        />
        <TextField
          label={t('people.reason')}
          required
          maxLength={500}
          value={reason}
          onChange={(e) => setReason(e.target.value)}
        />
        {lend.error && <Failure error={lend.error} />}
        <Button type="submit" disabled={lend.isPending}>
          {t('permissions.lend')}
        </Button>
      </form>
    </Card>
  );
}
