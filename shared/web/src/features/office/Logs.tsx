import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import type { AuditEntry } from '../../api/types';
import { moment, number } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { Badge } from '../../ui/Badge';
import { Page } from '../../ui/Card';
import { SelectField, TextField } from '../../ui/Field';
import { Empty, Loaded } from '../../ui/Loaded';
import { useMe } from '../identity/session';
import { Allowed } from './Office';
import { Pages } from './Pages';
import { auditQuery, errorsQuery } from './queries';

/** The families of actions that can be asked for; a family ends in a dot. */
const ACTIONS = ['sign_in', 'sign_in.failed', 'sign_out', 'user.', 'permission.', 'request.'];

/** Who did what, with what was before and after. The filters are in the address. */
export function AuditLog() {
  return (
    <Allowed feature="audit">
      <Entries />
    </Allowed>
  );
}

function Entries() {
  const { t } = useTranslation();
  const staff = useMe().role !== 'admin';
  const [params, setParams] = useSearchParams();
  const get = (name: string) => params.get(name) ?? '';
  const search = {
    action: get('action'),
    user_id: get('user_id'),
    target_id: get('target_id'),
    page: Number(get('page') || 1),
  };
  const query = useQuery(auditQuery(search, staff));
  const show = (change: Record<string, string>) => {
    const next = { action: search.action, user_id: search.user_id, target_id: search.target_id, ...change };
    setParams(Object.fromEntries(Object.entries(next).filter(([, v]) => v !== '')), { replace: true });
  };
  return (
    <Page title={t('office.audit')} lead={t('audit.lead')}>
      <Back to="/office">{t('office.title')}</Back>
      <div className="grid gap-4 sm:grid-cols-3">
        <SelectField
          label={t('audit.action')}
          value={search.action}
          onChange={(e) => show({ action: e.target.value })}
        >
          <option value="">{t('people.all')}</option>
          {ACTIONS.map((a) => (
            <option key={a} value={a}>
              {t(`audit.family.${a.replaceAll('.', '_')}`)}
            </option>
          ))}
        </SelectField>
        <TextField
          label={t('audit.actor')}
          value={search.user_id}
          onChange={(e) => show({ user_id: e.target.value.trim() })}
        />
        {!staff && (
          <TextField
            label={t('audit.target')}
            value={search.target_id}
            onChange={(e) => show({ target_id: e.target.value.trim() })}
          />
        )}
      </div>
      <Loaded query={query} isEmpty={(page) => page.total === 0} empty={<Empty title={t('audit.none')} />}>
        {(page) => (
          <>
            <ul className="space-y-3">
              {page.logs.map((entry) => (
                <Line key={entry.id} entry={entry} />
              ))}
            </ul>
            <Pages page={search.page} total={page.total} go={(to) => show({ page: String(to) })} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Line({
  entry,
}: {
  entry: Pick<AuditEntry, 'action' | 'actor' | 'target' | 'details' | 'ip_address' | 'timestamp'>;
}) {
  const { t, i18n } = useTranslation();
  const { before, after, status, erased } = entry.details;
  return (
    <li className="space-y-2 rounded-card border border-line bg-surface p-4 shadow-card">
      <p className="flex flex-wrap items-center gap-2">
        <span className="min-w-0 flex-1 basis-48 break-all font-bold">{entry.action}</span>
        {status !== undefined && status >= 400 && <Badge tone="bad">{t('audit.refused', { status })}</Badge>}
        <span className="text-sm text-muted">{moment(entry.timestamp, i18n.language)}</span>
      </p>
      <p className="break-all text-sm">
        {entry.actor.name || entry.actor.id || t('audit.nobody')}
        {entry.target.id && ` → ${entry.target.name || entry.target.id}`}
        {entry.ip_address && <span className="text-muted"> · {entry.ip_address}</span>}
      </p>
      {erased && <p className="text-sm text-muted">{t('audit.erased')}</p>}
      <Values title={t('audit.before')} value={before} />
      <Values title={t('audit.after')} value={after} />
    </li>
  );
}

function Values({ title, value }: { title: string; value: unknown }) {
  if (value === null || value === undefined) return null;
  const pairs = typeof value === 'object' ? Object.entries(value) : [['', value]];
  return (
    <p className="break-words text-sm">
      <span className="text-muted">{title}: </span>
      {pairs
        .map(([name, v]) =>
          [name, typeof v === 'object' ? JSON.stringify(v) : String(v)].filter(Boolean).join(' = '),
        )
        .join('; ')}
    </p>
  );
}

/** Failures of ours: one line for each kind, with how often and the request that leads to the log. */
export function ErrorLog() {
  return (
    <Allowed feature="error_log">
      <Failures />
    </Allowed>
  );
}

function Failures() {
  const { t, i18n } = useTranslation();
  const [params, setParams] = useSearchParams();
  const page = Number(params.get('page') || 1);
  const query = useQuery(errorsQuery(page));
  return (
    <Page title={t('office.errors')} lead={t('errors.lead')}>
      <Back to="/office">{t('office.title')}</Back>
      <Loaded
        query={query}
        isEmpty={(found) => found.errors.length === 0}
        empty={<Empty title={t('errors.none')} />}
      >
        {(found) => (
          <>
            <ul className="space-y-3">
              {found.errors.map((e) => (
                <li
                  key={e.id}
                  className="space-y-1 rounded-card border border-line bg-surface p-4 shadow-card"
                >
                  <p className="flex flex-wrap items-center gap-2">
                    <Badge tone={e.kind === 'panic' ? 'bad' : 'sun'}>{t(`errors.kind_${e.kind}`)}</Badge>
                    <span className="min-w-0 flex-1 basis-48 break-all font-bold">
                      {e.method} {e.route}
                    </span>
                    <span className="tabular-nums">
                      {t('errors.times', { count: e.count, n: number(e.count, i18n.language) })}
                    </span>
                  </p>
                  <p className="break-words text-sm">{e.message}</p>
                  <p className="break-all text-sm text-muted">
                    {[e.place, e.version].filter(Boolean).join(' · ')}
                  </p>
                  <p className="break-all text-sm text-muted">
                    {t('errors.last', { when: moment(e.last_at, i18n.language) })} ·{' '}
                    {t('error.request_id', { id: e.request_id })}
                  </p>
                </li>
              ))}
            </ul>
            <Pages
              page={page}
              total={found.total}
              go={(to) => setParams({ page: String(to) }, { replace: true })}
            />
          </>
        )}
      </Loaded>
    </Page>
  );
}
