import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { Back } from '../../ui/Back';
import { Badge } from '../../ui/Badge';
import { Page } from '../../ui/Card';
import { SelectField, TextField } from '../../ui/Field';
import { Empty, Loaded } from '../../ui/Loaded';
import { useMe } from '../identity/session';
import { NewPerson } from './NewPerson';
import { Allowed } from './Office';
import { Pages } from './Pages';
import { peopleQuery } from './queries';

export const ROLES = ['student', 'parent', 'instructor', 'admin', 'staff', 'partner'];
const STATUSES = ['active', 'pending', 'suspended', 'deactivated', 'deleted'];

/** Everybody with an account: searched, filtered, one page at a time. The search is in the address. */
export function People() {
  return (
    <Allowed feature="user_management">
      <Found />
    </Allowed>
  );
}

function Found() {
  const { t } = useTranslation();
  const admin = useMe().role === 'admin';
  const [params, setParams] = useSearchParams();
  const get = (name: string) => params.get(name) ?? '';
  const search = {
    search: get('search'),
    role: get('role'),
    status: get('status'),
    page: Number(get('page') || 1),
  };
  const query = useQuery(peopleQuery(search, !admin));
  const show = (change: Record<string, string>) => {
    const next = { search: search.search, role: search.role, status: search.status, ...change };
    setParams(Object.fromEntries(Object.entries(next).filter(([, v]) => v !== '')), { replace: true });
  };
  return (
    <Page title={t('office.people')}>
      <Back to="/office">{t('office.title')}</Back>
      <div className="grid gap-4 sm:grid-cols-3">
        <TextField
          label={t('people.search')}
          type="search"
          defaultValue={search.search}
          onChange={(e) => show({ search: e.target.value })}
        />
        <SelectField
          label={t('people.role')}
          value={search.role}
          onChange={(e) => show({ role: e.target.value })}
        >
          <option value="">{t('people.all')}</option>
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {t(`people.role_${role}`)}
            </option>
          ))}
        </SelectField>
        <SelectField
          label={t('people.status')}
          value={search.status}
          onChange={(e) => show({ status: e.target.value })}
        >
          <option value="">{t('people.all')}</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {t(`people.status_${status}`)}
            </option>
          ))}
        </SelectField>
      </div>
      {admin && <NewPerson />}
      <Loaded query={query} isEmpty={(page) => page.total === 0} empty={<Empty title={t('people.none')} />}>
        {(page) => (
          <>
            <ul className="space-y-3">
              {page.users?.map((user) => (
                <li key={user.id} className="rounded-card border border-line bg-surface p-4 shadow-card">
                  <div className="flex flex-wrap items-center gap-2">
                    <span className="min-w-0 flex-1 basis-48">
                      {admin ? (
                        <Link
                          to={`/office/people/${user.id}`}
                          className="inline-flex min-h-tap items-center text-lg font-bold underline underline-offset-2"
                        >
                          {`${user.first_name} ${user.last_name}`.trim()}
                        </Link>
                      ) : (
                        <span className="text-lg font-bold">
                          {`${user.first_name} ${user.last_name}`.trim()}
                        </span>
                      )}
                      <span className="block break-all text-sm text-muted">{user.email}</span>
                    </span>
                    <Badge>{t(`people.role_${user.role}`, { defaultValue: user.role })}</Badge>
                    <Status status={user.status} />
                  </div>
                </li>
              ))}
            </ul>
            <Pages page={search.page} total={page.total} go={(to) => show({ page: String(to) })} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** A status in words; colour only underlines it. */
export function Status({ status }: { status: string }) {
  const { t } = useTranslation();
  const tone = status === 'active' ? 'good' : status === 'pending' ? 'sun' : 'bad';
  return <Badge tone={tone}>{t(`people.status_${status}`, { defaultValue: status })}</Badge>;
}
