import { useQuery } from '@tanstack/react-query';
import { ChevronRight, Clock } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { ChildOverview } from '../../api/types';
import { number } from '../../i18n/format';
import { Page } from '../../ui/Card';
import { Empty, Loaded } from '../../ui/Loaded';
import { gradeName } from '../catalogue/area';
import { AddChild } from '../home/AddChild';
import { LearnAs } from '../home/LearnAs';
import { Initials } from '../identity/Initials';
import { useMe } from '../identity/session';
import { AsOf } from './AsOf';
import { childrenQuery } from './queries';

/** A parent's home: one card per child, with how fresh the news is. */
export function Children() {
  const { t } = useTranslation();
  const me = useMe();
  const query = useQuery({ ...childrenQuery, refetchInterval: 15_000 });
  return (
    <Page
      title={t('home.hello', { name: me.profile_data.full_name.split(' ')[0] })}
      lead={t('children.lead')}
    >
      <Loaded
        query={query}
        isEmpty={(data) => !data.children?.length}
        empty={<Empty title={t('children.none')}>{t('children.none_text')}</Empty>}
      >
        {(data) => (
          <ul className="grid gap-4 sm:grid-cols-2">
            {data.children.map((child) => (
              <li key={child.id} className="space-y-2">
                <ChildCard child={child} />
                <LearnAs child={child.id} name={child.name} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <AddChild />
    </Page>
  );
}

function ChildCard({ child }: { child: ChildOverview }) {
  const { t, i18n } = useTranslation();
  const average = child.performance?.weekly_average;
  return (
    <Link
      to={`/children/${child.id}`}
      className="block space-y-4 rounded-card border border-line bg-surface p-5 shadow-card hover:border-brand"
    >
      <span className="flex items-center gap-3">
        <Initials name={child.name} />
        <span className="min-w-0 flex-1">
          <span className="block text-lg font-bold">{child.name}</span>
          <span className="block text-sm text-muted">{gradeName(child.grade_level, t)}</span>
        </span>
        <ChevronRight aria-hidden="true" className="size-5 shrink-0 text-muted" />
      </span>
      <span className="grid grid-cols-2 gap-3">
        <Fact name={t('children.today')} value={t('time.minutes', { count: child.minutes_today })} />
        {average != null && (
          <Fact name={t('children.average')} value={`${number(average, i18n.language)} %`} />
        )}
      </span>
      <span className="flex items-center gap-2 text-sm text-muted">
        <Clock aria-hidden="true" className="size-4 shrink-0" />
        <AsOf at={child.as_of} />
      </span>
    </Link>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <span>
      <span className="block text-sm text-muted">{name}</span>
      <span className="block text-lg font-semibold">{value}</span>
    </span>
  );
}
