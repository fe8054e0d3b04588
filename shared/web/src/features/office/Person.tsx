import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { service } from '../../api';
import type { ManagedUser } from '../../api/types';
import { moment, number } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { SelectField, TextField } from '../../ui/Field';
import { Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { useMe } from '../identity/session';
import { PersonalData } from '../personal/PersonalData';
import { useChange } from './change';
import { Allowed } from './Office';
import { ROLES, Status } from './People';
import { personQuery } from './queries';
import { Standing } from './Standing';

const KINDS = [
  'sign_in',
  'ai_tutor_chat',
  'course_enrollment',
  'payment_initiation',
  'forum_access',
  'lessons',
];

/** One person as an admin sees her: activity, role, status, restrictions. */
export function Person() {
  return (
    <Allowed feature="user_management">
      <Found />
    </Allowed>
  );
}

function Found() {
  const { t } = useTranslation();
  const { id = '' } = useParams();
  const query = useQuery(personQuery(id));
  return (
    <>
      <Back to="/office/people">{t('office.people')}</Back>
      <Loaded query={query}>{(user) => <Details user={user} />}</Loaded>
    </>
  );
}

function Details({ user }: { user: ManagedUser }) {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const facts: [string, string][] = [
    [t('people.email'), user.email || '–'],
    [
      t('people.last_login'),
      user.activity.last_login ? moment(user.activity.last_login, i18n.language) : '–',
    ],
    [t('people.sessions'), number(user.activity.total_sessions, i18n.language)],
    [t('people.hours'), number(user.activity.total_time_hours, i18n.language, 1)],
    [t('people.enrolled'), number(user.activity.courses_enrolled, i18n.language)],
    [t('people.completed'), number(user.activity.courses_completed, i18n.language)],
    [t('people.parent'), user.parent_name ?? '–'],
  ];
  return (
    <Page title={`${user.first_name} ${user.last_name}`.trim()}>
      <div className="flex flex-wrap gap-2">
        <Badge>{t(`people.role_${user.role}`, { defaultValue: user.role })}</Badge>
        <Status status={user.status} />
      </div>
      <Card>
        <dl className="grid gap-x-6 gap-y-2 sm:grid-cols-2">
          {facts.map(([name, value]) => (
            <div key={name} className="flex justify-between gap-3 border-b border-line py-1">
              <dt className="text-muted">{name}</dt>
              <dd className="break-all text-right">{value}</dd>
            </div>
          ))}
        </dl>
        <Link
          to={`/office/audit?target_id=${user.id}`}
          className="inline-flex min-h-tap items-center underline underline-offset-2"
        >
          {t('people.audit')}
        </Link>
      </Card>
      {me.id === user.id ? (
        <Notice>{t('people.yourself')}</Notice>
      ) : (
        <div className="grid gap-6 lg:grid-cols-2 lg:items-start">
          <Approval user={user} />
          <Standing user={user} />
          <Restrictions user={user} />
          <RoleForm user={user} />
          {me.role === 'admin' && (
            <PersonalData person={user.id} name={`${user.first_name} ${user.last_name}`.trim()} onPaper />
          )}
        </div>
      )}
    </Page>
  );
}

function Approval({ user }: { user: ManagedUser }) {
  const { t } = useTranslation();
  const approve = useChange(user.id, () =>
    service.put('/admin/users/{id}/status', { path: { id: user.id }, body: { status: 'active' } }),
  );
  if (user.status !== 'pending') return null;
  return (
    <Card className="space-y-3">
      <h2 className="text-lg">{t('people.waits')}</h2>
      {approve.error && <Failure error={approve.error} />}
      <Button disabled={approve.isPending} onClick={() => approve.mutate(undefined)}>
        {t('people.approve')}
      </Button>
    </Card>
  );
}

function RoleForm({ user }: { user: ManagedUser }) {
  const { t } = useTranslation();
  const [role, setRole] = useState(user.role);
  const [reason, setReason] = useState('');
  const change = useChange(user.id, () =>
    service.put('/admin/users/{id}/role', {
      path: { id: user.id },
      body: { new_role: role, reason: reason.trim() },
    }),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!change.isPending) change.mutate(undefined);
  };
  return (
    <Card>
      <form onSubmit={submit} className="space-y-4">
        <h2 className="text-lg">{t('people.change_role')}</h2>
        <SelectField label={t('people.role')} value={role} onChange={(e) => setRole(e.target.value)}>
          {ROLES.map((r) => (
            <option key={r} value={r}>
              {t(`people.role_${r}`)}
            </option>
          ))}
        </SelectField>
        <TextField
          label={t('people.reason')}
          required
          maxLength={500}
          value={reason}
          onChange={(e) => setReason(e.target.value)}
        />
        {change.error && <Failure error={change.error} />}
        {change.isSuccess && (
          <Notice kind="good" live>
            {t('people.role_changed')}
          </Notice>
        )}
        <Button type="submit" look="plain" disabled={change.isPending || role === user.role}>
          {t('people.change_role')}
        </Button>
      </form>
    </Card>
  );
}

function Restrictions({ user }: { user: ManagedUser }) {
  const { t, i18n } = useTranslation();
  const [kind, setKind] = useState('sign_in');
  const [reason, setReason] = useState('');
  const [days, setDays] = useState('7');
  const [tell, setTell] = useState(true);
  const restrict = useChange(user.id, () =>
    service.post('/admin/users/{id}/restrict', {
      path: { id: user.id },
      body: {
        restriction_type: kind,
        reason: reason.trim(),
        duration_days: Number(days) || 0,
        notify_user: tell,
      },
    }),
  );
  const lift = useChange(user.id, (restriction: string) =>
    service.delete('/admin/users/{id}/restrictions/{restriction}', { path: { id: user.id, restriction } }),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!restrict.isPending) restrict.mutate(undefined, { onSuccess: () => setReason('') });
  };
  return (
    <Card>
      <form onSubmit={submit} className="space-y-4">
        <h2 className="text-lg">{t('people.restrictions')}</h2>
        {user.restrictions.length === 0 && <p className="text-muted">{t('people.unrestricted')}</p>}
        <ul className="space-y-2">
          {user.restrictions.map((r) => (
            <li key={r.id} className="flex flex-wrap items-center gap-2 border-b border-line pb-2">
              <span className="min-w-0 flex-1 basis-40">
                <span className="block font-semibold">
                  {t(`feature.${r.restriction_type}`, { defaultValue: r.restriction_type })}
                </span>
                <span className="block text-sm text-muted">
                  {r.reason} ·{' '}
                  {r.expires_at
                    ? t('people.until', { when: moment(r.expires_at, i18n.language) })
                    : t('people.no_end')}
                </span>
              </span>
              <Button look="plain" disabled={lift.isPending} onClick={() => lift.mutate(r.id)}>
                {t('people.lift')}
              </Button>
            </li>
          ))}
        </ul>
        {lift.error && <Failure error={lift.error} />}
        <SelectField label={t('people.restrict_what')} value={kind} onChange={(e) => setKind(e.target.value)}>
          {KINDS.map((k) => (
            <option key={k} value={k}>
              {t(`feature.${k}`)}
            </option>
          ))}
        </SelectField>
        <TextField
          label={t('people.reason')}
          required
          maxLength={500}
          value={reason}
          onChange={(e) => setReason(e.target.value)}
        />
        <TextField
          label={t('people.days')}
          hint={t('people.days_hint')}
          type="number"
          min={0}
          max={366}
          value={days}
          onChange={(e) => setDays(e.target.value)}
        />
        <label className="flex min-h-tap items-center gap-3">
          <input
            type="checkbox"
            className="size-6"
            checked={tell}
            onChange={(e) => setTell(e.target.checked)}
          />
          {t('people.tell')}
        </label>
        {restrict.error && <Failure error={restrict.error} />}
        <Button type="submit" look="plain" disabled={restrict.isPending}>
          {t('people.restrict')}
        </Button>
      </form>
    </Card>
  );
}
