import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { service } from '../../api';
import type { Box } from '../../api/types';
import { ago, number } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Failure, Loaded } from '../../ui/Loaded';
import { useMe } from '../identity/session';
import { BoxStatus, Troubles } from './BoxStatus';
import { Facts } from './Fleet';
import { Incidents } from './Incidents';
import { boxQuery } from './queries';

/** Everything known of one school's box, as of its last word. */
export function BoxPage() {
  const { t } = useTranslation();
  const { school = '' } = useParams();
  const query = useQuery(boxQuery(school));
  const admin = useMe().role === 'admin';
  return (
    <Loaded query={query}>
      {(box) => (
        <Page
          title={box.school}
          lead={`${box.code} · ${box.county}`}
          above={<Back to="/fleet">{t('fleet.title')}</Back>}
        >
          <div className="flex flex-wrap gap-2">
            <BoxStatus status={box.status} />
            <Troubles box={box} />
          </div>
          <Card className="space-y-4">
            <Figures box={box} />
          </Card>
          <Lanes box={box} admin={admin} />
          {admin && (
            <div className="flex flex-wrap gap-3">
              <ButtonLink look="plain" to={`/fleet/kept-aside?school=${box.school_id}`}>
                {t('letters.title')}
              </ButtonLink>
              <ButtonLink look="plain" to={`/schools/${box.school_id}`}>
                {t('fleet.school')}
              </ButtonLink>
            </div>
          )}
          <Incidents school={box.school_id} />
        </Page>
      )}
    </Loaded>
  );
}

const megabytes = (bytes: number, language: string) => `${number(bytes / 1_000_000, language, 1)} MB`;
const gigabytes = (bytes: number, language: string) => `${number(bytes / 1_000_000_000, language, 1)} GB`;

function Figures({ box }: { box: Box }) {
  const { t, i18n } = useTranslation();
  return <Facts facts={figures(box, t, i18n.language)} />;
}

function figures(box: Box, t: TFunction, language: string): [string, string][] {
  const said = box.said;
  const count = (n: number) => number(n, language);
  const when = (at?: string | null) => (at ? ago(at, language) : '–');
  const used = (spent: number, budget: number) =>
    budget ? `${megabytes(spent, language)} / ${megabytes(budget, language)}` : megabytes(spent, language);
  const minutes = (s: number) => t('fleet.minutes', { n: number(s / 60, language, 1) });
  return [
    [t('fleet.last_seen'), box.last_seen_at ? when(box.last_seen_at) : t('fleet.never')],
    [t('fleet.lag'), when(box.as_of)],
    [t('fleet.oldest'), minutes(said.oldest_since_up_seconds)],
    [t('fleet.pending'), megabytes(said.pending_bytes, language)],
    [t('fleet.lost'), count(said.lost_if_dead)],
    [t('fleet.letters_cloud'), count(box.dead_letters)],
    [t('fleet.letters_box'), count(said.box_dead_letters)],
    [t('fleet.waiting'), count(box.waiting)],
    [t('fleet.unknown'), count(box.unknown)],
    [t('fleet.epoch'), String(box.epoch ?? '–')],
    [
      t('fleet.clock'),
      t('fleet.seconds', { n: number(Math.round(box.clock_offset_ms / 100) / 10 || 0, language, 1) }),
    ],
    [t('fleet.digest'), said.digest ? `${t(`fleet.digest_${said.digest}`)}, ${when(said.digest_at)}` : '–'],
    [t('fleet.carrier'), box.carrier ? t(`carrier.${box.carrier}`, { defaultValue: box.carrier }) : '–'],
    [t('fleet.used_today'), used(said.used_today, said.budget_day)],
    [t('fleet.used_month'), used(said.used_month, said.budget_month)],
    [t('fleet.copy'), when(said.copy_at)],
    [t('fleet.bundle'), when(said.bundle_at)],
    [
      t('fleet.disk'),
      said.disk_total
        ? `${gigabytes(said.disk_free, language)} / ${gigabytes(said.disk_total, language)}`
        : '–',
    ],
    [
      t('fleet.snapshot'),
      said.snapshot === 'loading'
        ? `${megabytes(said.snapshot_done, language)} / ${megabytes(said.snapshot_of, language)}`
        : said.snapshot === 'full'
          ? t('fleet.snapshot_full')
          : '–',
    ],
    [t('fleet.software'), box.software || '–'],
  ];
}

/** Both directions, lane by lane; an admin lets a paused one go on. */
function Lanes({ box, admin }: { box: Box; admin: boolean }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const resume = useMutation({
    mutationFn: (lane: number) =>
      service.post('/fleet/{id}/lanes/{lane}/resume', { path: { id: box.school_id, lane } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['fleet'] }),
  });
  const count = (n: number) => number(n, i18n.language);
  return (
    <Card className="space-y-3">
      <h2 className="text-lg">{t('fleet.lanes')}</h2>
      {resume.error && <Failure error={resume.error} />}
      <ul className="space-y-3">
        {box.lanes.map((lane) => (
          <li key={lane.lane} className="space-y-2 border-t border-line pt-3 first:border-0 first:pt-0">
            <div className="flex flex-wrap items-center justify-between gap-2">
              <h3 className="font-semibold">{t(`fleet.lane_${lane.lane}`)}</h3>
              {lane.paused && admin && (
                <Button look="plain" disabled={resume.isPending} onClick={() => resume.mutate(lane.lane)}>
                  {t('fleet.resume')}
                </Button>
              )}
              {lane.paused && !admin && (
                <span className="font-semibold text-bad">{t('fleet.trouble.paused')}</span>
              )}
            </div>
            <Facts
              facts={[
                [t('fleet.head'), count(lane.head)],
                [t('fleet.applied'), count(lane.applied)],
                [t('fleet.backed_up'), count(lane.backed_up)],
                [t('fleet.down_head'), count(lane.down_head)],
                [t('fleet.down_applied'), count(lane.down_applied)],
              ]}
            />
          </li>
        ))}
      </ul>
    </Card>
  );
}
