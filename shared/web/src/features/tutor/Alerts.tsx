import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { CircleCheck, ShieldAlert } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { service } from '../../api';
import type { Alert } from '../../api/types';
import { moment } from '../../i18n/format';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { schoolQuery } from '../identity/queries';
import { useMe } from '../identity/session';

/** Children who may be in danger, for the adult the school named, and for admins when nobody there took it up. It shows that there is a reason, never what was written. */
export function Alerts() {
  const { t } = useTranslation();
  const office = useMe().role === 'admin';
  const query = useQuery({
    queryKey: ['alerts'],
    queryFn: () => service.get('/safeguarding/alerts', { query: { limit: 100 } }),
    refetchInterval: 30_000,
  });
  return (
    <Page title={t('alerts.title')} lead={t('alerts.lead')}>
      <Loaded
        query={query}
        isEmpty={(data) => !data.alerts?.length}
        empty={
          <Empty title={t('alerts.none')}>{t(office ? 'alerts.none_office' : 'alerts.none_text')}</Empty>
        }
      >
        {(data) => (
          <ul className="space-y-3">
            {data.alerts?.map((alert) => (
              <li key={alert.id}>
                <Row alert={alert} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}

/** Whom an admin has to ring up: the alerts of all schools come together in her list. */
function School({ id }: { id: string }) {
  const { t } = useTranslation();
  const school = useQuery(schoolQuery(id)).data;
  return (
    <p>
      <Link
        to={`/schools/${id}`}
        className="inline-flex min-h-tap items-center font-semibold underline underline-offset-2"
      >
        {school?.name ?? t('nav.school')}
      </Link>
    </p>
  );
}

function Row({ alert }: { alert: Alert }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const acknowledge = useMutation({
    mutationFn: () => service.post('/safeguarding/alerts/{id}/acknowledge', { path: { id: alert.id } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['alerts'] }),
  });
  const me = useMe();
  const taken = alert.is_acknowledged;
  return (
    <Card className="space-y-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 className="text-lg">{alert.learner_name}</h2>
        <Badge tone={taken ? 'good' : 'bad'} icon={taken ? CircleCheck : ShieldAlert}>
          {taken ? t('alerts.taken') : t('alerts.open')}
        </Badge>
      </div>
      {me.role === 'admin' && alert.school_id && <School id={alert.school_id} />}
      <p className="font-medium">{t(`alerts.severity_${alert.severity}`)}</p>
      <p>
        {t('alerts.category', { category: t(`alerts.category_${alert.category}`, { defaultValue: '' }) })}
      </p>
      <p className="text-muted">{moment(alert.at, i18n.language)}</p>
      <p>{t('alerts.what_to_do')}</p>
      {acknowledge.error && <Failure error={acknowledge.error} />}
      {!taken && (
        <Button disabled={acknowledge.isPending} onClick={() => acknowledge.mutate()}>
          {t('alerts.take')}
        </Button>
      )}
    </Card>
  );
}
