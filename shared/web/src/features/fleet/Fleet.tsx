import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import type { Box } from '../../api/types';
import { ago, number } from '../../i18n/format';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { SelectField, TextField } from '../../ui/Field';
import { Empty, Loaded } from '../../ui/Loaded';
import { useMe } from '../identity/session';
import { BoxStatus, Troubles } from './BoxStatus';
import { Incidents } from './Incidents';
import { type FleetSearch, fleetPage, PAGE } from './queries';

const STATUSES: Box['status'][] = ['online', 'late', 'offline', 'never'];
const TROUBLES = [
  'any',
  'paused',
  'stuck',
  'digest',
  'letters',
  'disk',
  'copy',
  'clock',
  'silent',
  'budget',
  'snapshot',
];

/** Every school's box, the worst first: heard of when, how far behind, what is wrong. The search is in the address. */
export function Fleet() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const search: FleetSearch = {
    q: params.get('q') ?? '',
    status: params.get('status') ?? '',
    trouble: params.get('trouble') ?? '',
    sort: params.get('sort') ?? 'trouble',
    skip: Number(params.get('skip') ?? 0),
  };
  const query = useQuery(fleetPage(search));
  const admin = useMe().role === 'admin';
  const change = (name: string, value: string) => {
    const next = new URLSearchParams(params);
    if (value) next.set(name, value);
    else next.delete(name);
    if (name !== 'skip') next.delete('skip');
    setParams(next, { replace: true });
  };

  return (
    <Page title={t('fleet.title')} lead={t('fleet.lead')}>
      <Incidents />
      {admin && (
        <ButtonLink look="plain" to="/fleet/kept-aside">
          {t('letters.title')}
        </ButtonLink>
      )}
      <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-4">
        <TextField
          label={t('fleet.search')}
          type="search"
          defaultValue={search.q}
          onChange={(e) => change('q', e.target.value)}
        />
        <SelectField
          label={t('fleet.status')}
          value={search.status}
          onChange={(e) => change('status', e.target.value)}
        >
          <option value="">{t('fleet.all')}</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {t(`fleet.${status}`)}
            </option>
          ))}
        </SelectField>
        <SelectField
          label={t('fleet.troubles')}
          value={search.trouble}
          onChange={(e) => change('trouble', e.target.value)}
        >
          <option value="">{t('fleet.all')}</option>
          {TROUBLES.map((trouble) => (
            <option key={trouble} value={trouble}>
              {t(`fleet.trouble.${trouble}`)}
            </option>
          ))}
        </SelectField>
        <SelectField
          label={t('fleet.sort')}
          value={search.sort}
          onChange={(e) => change('sort', e.target.value)}
        >
          <option value="trouble">{t('fleet.sort_trouble')}</option>
          <option value="name">{t('fleet.sort_name')}</option>
        </SelectField>
      </div>
      <Loaded
        query={query}
        isEmpty={(page) => page.boxes.length === 0}
        empty={
          <Empty title={search.q || search.status || search.trouble ? t('fleet.none_such') : t('fleet.none')}>
            {admin && <ButtonLink to="/">{t('schools.create')}</ButtonLink>}
          </Empty>
        }
      >
        {(page) => (
          <>
            <ul className="space-y-3">
              {page.boxes.map((box) => (
                <li key={box.school_id}>
                  <BoxLine box={box} />
                </li>
              ))}
            </ul>
            <Pager
              skip={page.skip}
              total={page.total}
              more={page.has_more}
              go={(skip) => change('skip', String(skip))}
            />
          </>
        )}
      </Loaded>
    </Page>
  );
}

export function Pager(props: { skip: number; total: number; more: boolean; go: (skip: number) => void }) {
  const { t, i18n } = useTranslation();
  const { skip, total, more, go } = props;
  if (total <= PAGE) return null;
  return (
    <nav className="flex flex-wrap items-center gap-3">
      <Button look="plain" disabled={skip === 0} onClick={() => go(Math.max(0, skip - PAGE))}>
        {t('fleet.newer')}
      </Button>
      <span className="tabular-nums text-muted">
        {number(skip + 1, i18n.language)}–{number(Math.min(skip + PAGE, total), i18n.language)} /{' '}
        {number(total, i18n.language)}
      </span>
      <Button look="plain" disabled={!more} onClick={() => go(skip + PAGE)}>
        {t('fleet.older')}
      </Button>
    </nav>
  );
}

function BoxLine({ box }: { box: Box }) {
  const { t, i18n } = useTranslation();
  const facts: [string, string][] = [
    [t('fleet.last_seen'), box.last_seen_at ? ago(box.last_seen_at, i18n.language) : t('fleet.never')],
    [t('fleet.lag'), box.as_of ? ago(box.as_of, i18n.language) : '–'],
    [t('fleet.behind'), number(box.behind, i18n.language)],
    [t('fleet.unsent'), number(box.unsent, i18n.language)],
    [t('fleet.lost'), number(box.said.lost_if_dead, i18n.language)],
    [t('fleet.carrier'), box.carrier ? t(`carrier.${box.carrier}`, { defaultValue: box.carrier }) : '–'],
  ];
  return (
    <Card className="space-y-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 className="text-lg">
          <Link
            to={`/fleet/${box.school_id}`}
            className="inline-flex min-h-tap items-center underline decoration-line underline-offset-4 hover:decoration-brand"
          >
            {box.school}
          </Link>
        </h2>
        <BoxStatus status={box.status} />
      </div>
      <Troubles box={box} />
      <Facts facts={facts} />
    </Card>
  );
}

export function Facts({ facts }: { facts: [string, string][] }) {
  return (
    <dl className="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-6">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt className="text-sm text-muted">{name}</dt>
          <dd className="break-words font-medium tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
