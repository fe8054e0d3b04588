import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import type { Box } from '../../api/types';
import { ago, number } from '../../i18n/format';
import { ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { SelectField } from '../../ui/Field';
import { Empty, Loaded } from '../../ui/Loaded';
import { useMe } from '../identity/session';
import { BoxStatus } from './BoxStatus';
import { fleetQuery } from './queries';

const STATUSES: Box['status'][] = ['online', 'late', 'offline', 'never'];

/** Every school's box: heard of when, how far behind, what is unsent. The filter is in the address. */
export function Fleet() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const wanted = params.get('status') ?? '';
  const query = useQuery(fleetQuery);
  const admin = useMe().role === 'admin';

  return (
    <Page title={t('fleet.title')} lead={t('fleet.lead')}>
      <div className="max-w-xs">
        <SelectField
          label={t('fleet.status')}
          value={wanted}
          onChange={(e) => setParams(e.target.value ? { status: e.target.value } : {}, { replace: true })}
        >
          <option value="">{t('fleet.all')}</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {t(`fleet.${status}`)}
            </option>
          ))}
        </SelectField>
      </div>
      <Loaded
        query={query}
        isEmpty={(boxes) => boxes.length === 0}
        empty={
          <Empty title={t('fleet.none')}>
            {admin && <ButtonLink to="/">{t('schools.create')}</ButtonLink>}
          </Empty>
        }
      >
        {(boxes) => <Boxes boxes={boxes.filter((b) => !wanted || b.status === wanted)} admin={admin} />}
      </Loaded>
    </Page>
  );
}

function Boxes({ boxes, admin }: { boxes: Box[]; admin: boolean }) {
  const { t, i18n } = useTranslation();
  if (boxes.length === 0) return <Empty title={t('fleet.none_such')} />;
  return (
    <ul className="space-y-3">
      {boxes.map((box) => {
        const facts: [string, string][] = [
          [t('fleet.last_seen'), box.last_seen_at ? ago(box.last_seen_at, i18n.language) : t('fleet.never')],
          [t('fleet.lag'), box.as_of ? ago(box.as_of, i18n.language) : '–'],
          [t('fleet.behind'), number(box.behind, i18n.language)],
          [t('fleet.unsent'), number(box.unsent, i18n.language)],
          [t('fleet.software'), box.software || '–'],
          [
            t('fleet.carrier'),
            box.carrier ? t(`carrier.${box.carrier}`, { defaultValue: box.carrier }) : '–',
          ],
        ];
        return (
          <li key={box.school_id}>
            <Card className="space-y-3">
              <div className="flex flex-wrap items-center justify-between gap-2">
                <h2 className="text-lg">
                  {admin ? (
                    <Link
                      to={`/schools/${box.school_id}`}
                      className="inline-flex min-h-tap items-center underline decoration-line underline-offset-4 hover:decoration-brand"
                    >
                      {box.school}
                    </Link>
                  ) : (
                    box.school
                  )}
                </h2>
                <BoxStatus status={box.status} />
              </div>
              <dl className="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-6">
                {facts.map(([name, value]) => (
                  <div key={name}>
                    <dt className="text-sm text-muted">{name}</dt>
                    <dd className="break-words font-medium tabular-nums">{value}</dd>
                  </div>
                ))}
              </dl>
            </Card>
          </li>
        );
      })}
    </ul>
  );
}
