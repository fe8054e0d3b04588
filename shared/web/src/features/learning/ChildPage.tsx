import { useQuery } from '@tanstack/react-query';
import { BookOpen, Clock, Flame, GraduationCap, ListChecks } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { service } from '../../api';
import type { ChildProgress } from '../../api/types';
import { moment, number } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { Card, Page } from '../../ui/Card';
import { Empty, Loaded } from '../../ui/Loaded';
import { Progress } from '../../ui/Progress';
import { AreaMark, areaName, gradeName } from '../catalogue/area';
import { NextSchool } from '../home/NextSchool';
import { ConsentBySms } from '../identity/ConsentBySms';
import { ConsentHistory } from '../identity/ConsentHistory';
import { ConsentSwitch } from '../identity/ConsentSwitch';
import { PersonalData } from '../personal/PersonalData';
import { AsOf } from './AsOf';

/** One child on one page: the time, what she did, how it went, and what her guardian allows. */
export function ChildPage() {
  const { t } = useTranslation();
  const { child = '' } = useParams();
  const query = useQuery({
    queryKey: ['children', child],
    queryFn: () => service.get('/parent/children/{child_id}/progress', { path: { child_id: child } }),
    refetchInterval: 15_000,
  });
  return (
    <Loaded query={query}>
      {(data) => (
        <Page
          title={data.child_name}
          lead={gradeName(data.grade_level, t)}
          above={<Back to="/">{t('nav.children')}</Back>}
          side={
            <p className="inline-flex items-center gap-2 rounded-full bg-sun-soft px-3 py-1.5 text-sm font-medium text-sun-ink">
              <Clock aria-hidden="true" className="size-4" />
              <AsOf at={data.as_of} />
            </p>
          }
        >
          <Summary progress={data} />
          <Activities progress={data} />
          <Subjects progress={data} />
          <ConsentSwitch learner={child} name={data.child_name} />
          <ConsentHistory learner={child} title={t('consent.history')} />
          <ConsentBySms learner={child} />
          <NextSchool child={child} name={data.child_name} />
          <PersonalData person={child} name={data.child_name} />
        </Page>
      )}
    </Loaded>
  );
}

function Summary({ progress }: { progress: ChildProgress }) {
  const { t, i18n } = useTranslation();
  const o = progress.overall_progress;
  const spent = (hours: number) =>
    hours < 2
      ? t('time.minutes', { count: Math.round(hours * 60) })
      : t('time.hours', { count: hours, shown: number(hours, i18n.language, 1) });
  const facts = [
    { name: t('child.time'), value: spent(o.total_time_hours) },
    { name: t('child.courses'), value: number(o.courses_enrolled, i18n.language) },
    {
      name: t('child.average'),
      value: o.average_score == null ? t('child.no_quiz') : `${number(o.average_score, i18n.language)} %`,
    },
    { name: t('child.streak'), value: t('time.days', { count: o.streak_days }), icon: Flame },
  ];
  return (
    <Card>
      <dl className="grid grid-cols-2 gap-4 sm:grid-cols-4">
        {facts.map(({ name, value, icon: Icon }) => (
          <div key={name}>
            <dt className="flex items-center gap-1 text-sm text-muted">
              {Icon && <Icon aria-hidden="true" className="size-4" />}
              {name}
            </dt>
            <dd className="text-xl font-bold">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

const ACTIVITY = { quiz: ListChecks, lesson: BookOpen, course: GraduationCap };

function Activities({ progress }: { progress: ChildProgress }) {
  const { t, i18n } = useTranslation();
  const list = progress.recent_activities ?? [];
  return (
    <section className="space-y-3">
      <h2 className="text-xl">{t('child.learnt')}</h2>
      {list.length === 0 ? (
        <Empty title={t('child.nothing')}>{t('child.nothing_text')}</Empty>
      ) : (
        <ul className="divide-y divide-line rounded-card border border-line bg-surface">
          {list.map((a) => {
            const Icon = ACTIVITY[a.type] ?? BookOpen;
            return (
              <li key={a.id} className="flex items-start gap-3 p-4">
                <Icon aria-hidden="true" className="mt-0.5 size-5 shrink-0 text-brand" />
                <div className="min-w-0 flex-1">
                  <p className="font-medium">
                    {t(`child.did_${a.type}`, { title: a.title, score: number(a.score ?? 0, i18n.language) })}
                  </p>
                  <p className="text-sm text-muted">
                    {areaName(a.subject, t)} · {moment(a.completed_at, i18n.language)}
                  </p>
                </div>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}

function Subjects({ progress }: { progress: ChildProgress }) {
  const { t, i18n } = useTranslation();
  const subjects = progress.subjects ?? [];
  if (subjects.length === 0) return null;
  return (
    <section className="space-y-3">
      <h2 className="text-xl">{t('child.subjects')}</h2>
      <ul className="grid gap-3 sm:grid-cols-2">
        {subjects.map((s) => (
          <li key={s.name}>
            <Card className="space-y-3">
              <div className="flex items-center gap-3">
                <AreaMark area={s.name} />
                <div>
                  <h3 className="font-bold">{areaName(s.name, t)}</h3>
                  {s.average_score != null && (
                    <p className="text-sm text-muted">
                      {t('class.average', { score: number(s.average_score, i18n.language) })}
                    </p>
                  )}
                </div>
              </div>
              <Progress done={s.lessons_completed} total={s.total_lessons} label={areaName(s.name, t)} />
            </Card>
          </li>
        ))}
      </ul>
    </section>
  );
}
