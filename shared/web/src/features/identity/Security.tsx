import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { OpenSession } from '../../api/types';
import { moment } from '../../i18n/format';
import { useConnection } from '../../offline/connection';
import { Back } from '../../ui/Back';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Failure, Loaded } from '../../ui/Loaded';
import { browserOf } from './browser';
import { sessionsQuery } from './queries';
import { SecondFactor } from './SecondFactor';
import { useMe } from './session';

/** Who is signed in where as this person, and her second factor. */
export function Security() {
  const { t } = useTranslation();
  const cloud = useConnection((s) => s.status?.side === 'cloud');
  const first = useMe().second_factor_first;
  if (first) {
    return (
      <Page title={t('factor.first_title')} lead={t('factor.first')}>
        <SecondFactor />
      </Page>
    );
  }
  return (
    <Page title={t('sessions.title')} above={<Back to="/me">{t('me.title')}</Back>}>
      {cloud && <SecondFactor />}
      <Sessions />
    </Page>
  );
}

function Sessions() {
  const { t } = useTranslation();
  const query = useQuery(sessionsQuery);
  const client = useQueryClient();
  const again = () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey });
  const others = useMutation({
    mutationFn: () => service.delete('/users/me/sessions'),
    onSettled: again,
  });
  return (
    <Card>
      <h2 className="mb-3 text-lg">{t('sessions.open')}</h2>
      <Loaded query={query}>
        {(list) => (
          <div className="space-y-4">
            <ul className="divide-y divide-line">
              {list.map((one) => (
                <Line key={one.id} one={one} onEnded={again} />
              ))}
            </ul>
            {others.error && <Failure error={others.error} />}
            {list.length > 1 && (
              <Button look="plain" disabled={others.isPending} onClick={() => others.mutate()}>
                {t('sessions.end_others')}
              </Button>
            )}
          </div>
        )}
      </Loaded>
    </Card>
  );
}

function Line({ one, onEnded }: { one: OpenSession; onEnded: () => void }) {
  const { t, i18n } = useTranslation();
  const end = useMutation({
    mutationFn: () => service.delete('/users/me/sessions/{id}', { path: { id: one.id } }),
    onSettled: onEnded,
  });
  const { browser, system } = browserOf(one.device);
  const name = [browser, system].filter(Boolean).join(', ') || t('sessions.unknown');
  return (
    <li className="flex flex-wrap items-center justify-between gap-3 py-3">
      <div>
        <p className="font-medium">
          {name} {one.current && <Badge tone="good">{t('sessions.this')}</Badge>}
        </p>
        <p className="text-sm text-muted">
          {t('sessions.used', { when: moment(one.used_at, i18n.language) })}
        </p>
        {end.error && <Failure error={end.error} />}
      </div>
      {!one.current && (
        <Button
          look="quiet"
          disabled={end.isPending}
          aria-label={t('sessions.end_one', { name })}
          onClick={() => end.mutate()}
        >
          {t('sessions.end')}
        </Button>
      )}
    </li>
  );
}
