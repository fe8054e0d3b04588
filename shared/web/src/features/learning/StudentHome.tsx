import { useQuery } from '@tanstack/react-query';
import { ArrowRight, CircleCheck, Clock, Flame } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Course, Enrollment } from '../../api/types';
import { Badge } from '../../ui/Badge';
import { ButtonLink } from '../../ui/Button';
import { Empty, Loaded } from '../../ui/Loaded';
import { Band } from '../../ui/Logo';
import { Progress } from '../../ui/Progress';
import { AreaMark, areaName, gradeName } from '../catalogue/area';
import { CourseTile } from '../catalogue/CourseTile';
import { coursesQuery } from '../catalogue/queries';
import { useMe } from '../identity/session';
import { enrollmentsQuery, todayQuery } from './queries';

/** A learner's home: one big way on, then her courses, then what else there is for her grade. */
export function StudentHome() {
  const { t } = useTranslation();
  const me = useMe();
  const enrollments = useQuery(enrollmentsQuery);
  const today = useQuery(todayQuery);
  const streak = today.data?.streak.current ?? 0;

  return (
    <div className="space-y-8">
      <header className="flex flex-wrap items-center justify-between gap-3">
        <h1 className="text-2xl sm:text-3xl">
          {t('home.hello', { name: me.profile_data.full_name.split(' ')[0] })}
        </h1>
        {streak > 0 && (
          <Badge tone="sun" icon={Flame}>
            {t('home.streak', { count: streak })}
          </Badge>
        )}
      </header>
      <Loaded query={enrollments}>{(list) => <Own enrollments={list} />}</Loaded>
      <More enrolled={enrollments.data ?? []} />
    </div>
  );
}

function Own({ enrollments }: { enrollments: Enrollment[] }) {
  const { t } = useTranslation();
  if (enrollments.length === 0) return null;
  const latest = [...enrollments].sort((a, b) =>
    (b.last_activity ?? '').localeCompare(a.last_activity ?? ''),
  );
  const open = latest.find((e) => e.next_lesson);

  return (
    <>
      {open && <Continue enrollment={open} />}
      <section className="space-y-3">
        <h2 className="text-xl">{t('home.my_courses')}</h2>
        <ul className="grid gap-3 sm:grid-cols-2">
          {latest.map((enrollment) => (
            <li key={enrollment.id}>
              <OwnCourse enrollment={enrollment} />
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

function Continue({ enrollment }: { enrollment: Enrollment }) {
  const { t } = useTranslation();
  const next = enrollment.next_lesson;
  if (!next) return null;
  const done = enrollment.completed_lessons?.length ?? 0;
  return (
    <section className="overflow-hidden rounded-card bg-brand-deep text-on-deep shadow-card">
      <div className="flex flex-col gap-5 p-5 sm:flex-row sm:items-end sm:justify-between sm:p-7">
        <div className="space-y-1.5">
          <p className="text-sm font-semibold">{enrollment.course_title}</p>
          <h2 className="text-2xl sm:text-3xl">{next.title}</h2>
          <p className="flex items-center gap-2">
            <Clock aria-hidden="true" className="size-4" />
            {t('time.minutes', { count: next.duration_minutes })}
          </p>
        </div>
        <ButtonLink
          look="sun"
          className="min-h-14 px-7 text-lg"
          to={`/courses/${enrollment.course_id}/lessons/${next.id}`}
        >
          {done > 0 ? t('home.continue') : t('home.start')}
          <ArrowRight aria-hidden="true" className="size-6" />
        </ButtonLink>
      </div>
      <Band />
    </section>
  );
}

function OwnCourse({ enrollment: e }: { enrollment: Enrollment }) {
  const { t } = useTranslation();
  return (
    <Link
      to={`/courses/${e.course_id}`}
      className="flex h-full flex-col gap-3 rounded-card border border-line bg-surface p-4 shadow-card hover:border-brand"
    >
      <span className="flex items-center gap-3">
        <AreaMark area={e.learning_area} />
        <span className="min-w-0">
          <span className="block font-bold leading-snug">{e.course_title || t('home.unknown_course')}</span>
          <span className="block text-sm text-muted">{areaName(e.learning_area, t)}</span>
        </span>
      </span>
      <span className="mt-auto">
        {e.status === 'completed' ? (
          <Badge tone="good" icon={CircleCheck}>
            {t('home.finished')}
          </Badge>
        ) : (
          <Progress done={e.completed_lessons?.length ?? 0} total={e.total_lessons} label={e.course_title} />
        )}
      </span>
    </Link>
  );
}

function More({ enrolled }: { enrolled: Enrollment[] }) {
  const { t } = useTranslation();
  const grade = useMe().profile_data.grade_level;
  const query = useQuery(coursesQuery(grade));
  const known = new Set(enrolled.map((e) => e.course_id));
  const others = (courses: Course[] | null) => (courses ?? []).filter((c) => !known.has(c.id));

  return (
    <section className="space-y-3">
      <h2 className="text-xl">
        {grade ? t('home.more', { grade: gradeName(grade, t) }) : t('home.more_any')}
      </h2>
      <Loaded
        query={query}
        rows={2}
        isEmpty={(data) => others(data.courses).length === 0}
        empty={
          <Empty title={enrolled.length > 0 ? t('home.no_more') : t('home.no_courses')}>
            <ButtonLink look="plain" to="/courses">
              {t('home.all_courses')}
            </ButtonLink>
          </Empty>
        }
      >
        {(data) => (
          <ul className="grid gap-3 sm:grid-cols-2">
            {others(data.courses).map((course) => (
              <li key={course.id}>
                <CourseTile course={course} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  );
}
