import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import type { ErasureLine } from '../../api/types';
import { stamp } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { Badge } from '../../ui/Badge';
import { Page } from '../../ui/Card';
import { Empty, Loaded } from '../../ui/Loaded';
import { Allowed } from './Office';
import { Pages } from './Pages';
import { erasuresQuery } from './queries';

/** Every erasure: what cools, which schools' boxes it waits for, and what is finished. */
export function Erasures() {
  return (
    <Allowed feature="user_management" grades={[]}>
      <List />
    </Allowed>
  );
}

function List() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const page = Number(params.get('page') || 1);
  const query = useQuery(erasuresQuery(page));
  return (
    <Page title={t('office.erasures')} lead={t('erasures.lead')}>
      <Back to="/office">{t('office.title')}</Back>
      <Loaded
        query={query}
        isEmpty={(found) => found.total === 0}
        empty={<Empty title={t('erasures.none')} />}
      >
        {(found) => (
          <>
            <ul className="space-y-3">
              {found.erasures.map((line) => (
                <Line key={`${line.person_id} ${line.asked_at}`} line={line} />
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

const state = (line: ErasureLine) => {
  if (line.complete) return 'finished';
  return line.done_at ? 'waits' : 'cools';
};
const TONE = { finished: 'good', waits: 'sun', cools: 'plain' } as const;

function Line({ line }: { line: ErasureLine }) {
  const { t, i18n } = useTranslation();
  const when = (iso: string) => stamp(iso, i18n.language);
  const open = line.stops.filter((stop) => stop.box && !stop.erased_at);
  return (
    <li className="space-y-2 rounded-card border border-line bg-surface p-4 shadow-card">
      <p className="flex flex-wrap items-center gap-2">
        <span className="min-w-0 flex-1 basis-48 break-words font-bold">
          {line.done_at ? (
            t('erasures.erased_person')
          ) : (
            <Link
              to={`/office/people/${line.person_id}`}
              className="inline-flex min-h-tap items-center text-brand underline underline-offset-2"
            >
              {line.name || line.person_id}
            </Link>
          )}
        </span>
        <Badge tone={TONE[state(line)]}>{t(`erasures.${state(line)}`)}</Badge>
      </p>
      <p className="text-sm text-muted">
        {line.done_at
          ? t('erasure.done', { when: when(line.done_at) })
          : t('erasure.asked', { asked: when(line.asked_at), due: when(line.due_at) })}
      </p>
      {open.length > 0 && (
        <div className="text-sm">
          <p className="font-medium">{t('erasures.waits_for')}</p>
          <ul className="list-disc pl-5">
            {open.map((stop, i) => (
              <li key={i}>
                {stop.school ? t('erasure.box', { school: stop.school }) : t('erasure.box_nameless')}
              </li>
            ))}
          </ul>
        </div>
      )}
      {line.code ? (
        <Link
          to={`/erasure/${encodeURIComponent(line.code)}`}
          className="inline-flex min-h-tap items-center font-semibold text-brand underline underline-offset-2"
        >
          {t('erasure.open_receipt')}
        </Link>
      ) : (
        <p className="text-sm text-muted">{t('erasures.no_receipt')}</p>
      )}
    </li>
  );
}
