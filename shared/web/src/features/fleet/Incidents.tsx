import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { service } from '../../api';
import type { Incident } from '../../api/types';
import { moment, number } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Failure, Loaded } from '../../ui/Loaded';
import { useMe } from '../identity/session';
import { incidentsQuery } from './queries';

/** The facts that are an epoch: a name, not an amount. */
const EPOCHS = ['epoch', 'to'];

/** What happened to the fleet, or to one school: the unseen first. */
export function Incidents({ school = '' }: { school?: string }) {
  const { t } = useTranslation();
  const query = useQuery(incidentsQuery(school));
  return (
    <Card className="space-y-3">
      <h2 className="text-lg">
        {t('incidents.title')}
        {query.data && query.data.unseen > 0 && ` (${query.data.unseen})`}
      </h2>
      <Loaded
        query={query}
        rows={1}
        isEmpty={(found) => found.incidents.length === 0}
        empty={<p className="text-muted">{t('incidents.none')}</p>}
      >
        {(found) => (
          <ul className="space-y-2">
            {found.incidents.map((incident) => (
              <Line key={incident.id} incident={incident} named={school === ''} />
            ))}
          </ul>
        )}
      </Loaded>
    </Card>
  );
}

function Line({ incident, named }: { incident: Incident; named: boolean }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const admin = useMe().role === 'admin';
  const see = useMutation({
    mutationFn: () => service.post('/fleet/incidents/{id}/seen', { path: { id: incident.id } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['incidents'] }),
  });
  const facts = Object.fromEntries(
    Object.entries(incident.facts ?? {}).map(([name, v]) => [
      name,
      typeof v === 'number' && !EPOCHS.includes(name) ? number(v, i18n.language) : String(v),
    ]),
  );
  if ('lane' in facts) facts.lane = t(`fleet.lane_${facts.lane}`);
  return (
    <li className="flex flex-wrap items-center justify-between gap-2 border-t border-line pt-2 first:border-0 first:pt-0">
      <div className="min-w-0 flex-1 basis-56">
        <p className={incident.seen_at ? '' : 'font-semibold'}>
          {t(`fleet.incident.${incident.kind}`, { ...facts, defaultValue: incident.kind })}
        </p>
        <p className="text-sm text-muted">
          {named && incident.school && (
            <Link
              to={`/fleet/${incident.school_id}`}
              className="inline-flex min-h-tap items-center underline underline-offset-2"
            >
              {incident.school}
            </Link>
          )}{' '}
          {moment(incident.at, i18n.language)}
        </p>
        {see.error && <Failure error={see.error} />}
      </div>
      {!incident.seen_at && admin && (
        <Button look="plain" disabled={see.isPending} onClick={() => see.mutate()}>
          {t('incidents.seen')}
        </Button>
      )}
    </li>
  );
}
