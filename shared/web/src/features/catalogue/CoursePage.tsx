import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ArrowRight, BookOpen, CircleCheck, CirclePlay, Clock, Lock } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { service } from '../../api';
import { Problem } from '../../api/problem';
import type { CourseDetail, Enrollment, LessonHead } from '../../api/types';
import { money } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { Badge } from '../../ui/Badge';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { Progress } from '../../ui/Progress';
import { useMe } from '../identity/session';
import { enrollmentsQuery, nextLesson } from '../learning/queries';
import { AreaMark, areaName, gradeName } from './area';
import { courseQuery } from './queries';

/** One course: what it is, and its lessons by strand. A learner starts and goes on here; others look. */
export function CoursePage() {
  const { t } = useTranslation();
  const { course: id = '' } = useParams();
  const query = useQuery(courseQuery(id));
  const student = useMe().role === 'student';

  return (
    <Loaded query={query}>
      {(course) => (
        <Page
          title={course.title}
          lead={course.description}
          above={
            <div className="space-y-2">
              <Back to={student ? '/' : '/courses'}>{student ? t('nav.home') : t('nav.courses')}</Back>
              <div className="flex items-center gap-3">
                <AreaMark area={course.learning_area} />
                <p className="text-muted">
                  {areaName(course.learning_area, t)}
                  <br />
                  {course.grade_levels.map((g) => gradeName(g, t)).join(', ')}
                </p>
              </div>
            </div>
          }
        >
          {student ? <ForStudent course={course} /> : <Lessons course={course} />}
        </Page>
      )}
    </Loaded>
  );
}

function ForStudent({ course }: { course: CourseDetail }) {
  const enrollments = useQuery(enrollmentsQuery);
  return (
    <Loaded query={enrollments}>
      {(list) => {
        const enrollment = list.find((e) => e.course_id === course.id);
        return (
          <>
            {enrollment ? <Onward course={course} enrollment={enrollment} /> : <Start course={course} />}
            <Lessons course={course} enrollment={enrollment} />
          </>
        );
      }}
    </Loaded>
  );
}

function Start({ course }: { course: CourseDetail }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const enroll = useMutation({
    mutationFn: () =>
      service.post('/courses/{course_id}/enroll', { path: { course_id: course.id }, body: {} }),
    onSuccess: () => queries.invalidateQueries({ queryKey: enrollmentsQuery.queryKey }),
  });
  const refused = enroll.error instanceof Problem && enroll.error.code === 'course_locked';

  if (course.is_paid && (course.entitled === false || refused)) return <Locked course={course} />;
  return (
    <div className="space-y-3">
      {enroll.error && <Failure error={enroll.error} />}
      <Button
        look="sun"
        className="min-h-14 px-7 text-lg"
        disabled={enroll.isPending}
        onClick={() => enroll.mutate()}
      >
        {t('course.start')}
        <ArrowRight aria-hidden="true" className="size-6" />
      </Button>
    </div>
  );
}

function Locked({ course }: { course: CourseDetail }) {
  const { t, i18n } = useTranslation();
  return (
    <Notice kind="waiting" icon={Lock}>
      <p className="font-semibold">
        {t('course.locked', { price: money(course.price, course.currency, i18n.language) })}
      </p>
      <p>{t('course.ask_bursar')}</p>
    </Notice>
  );
}

function Onward({ course, enrollment }: { course: CourseDetail; enrollment: Enrollment }) {
  const { t } = useTranslation();
  const done = enrollment.completed_lessons ?? [];
  const next = nextLesson(course.lessons, done);
  const count = course.lessons.filter((l) => done.includes(l.id)).length;
  return (
    <Card className="space-y-4">
      <Progress done={count} total={course.lessons.length} label={t('course.progress')} />
      {next ? (
        <ButtonLink
          look="sun"
          wide
          className="min-h-14 text-lg"
          to={`/courses/${course.id}/lessons/${next.id}`}
        >
          {t('course.go_on', { lesson: next.title })}
          <ArrowRight aria-hidden="true" className="size-6 shrink-0" />
        </ButtonLink>
      ) : (
        <Notice kind="good">{t('course.finished')}</Notice>
      )}
    </Card>
  );
}

interface LessonsProps {
  course: CourseDetail;
  enrollment?: Enrollment;
}

function Lessons({ course, enrollment }: LessonsProps) {
  const { t } = useTranslation();
  const done = enrollment?.completed_lessons ?? [];
  const next = enrollment && nextLesson(course.lessons, done);

  return (
    <section className="space-y-6">
      <h2 className="text-xl">{t('course.lessons')}</h2>
      {byStrand(course.lessons).map(([strand, subs]) => (
        <div key={strand} className="space-y-3">
          {strand && <h3 className="text-lg text-brand">{strand}</h3>}
          {subs.map(([sub, lessons]) => (
            <div key={sub} className="space-y-2">
              {sub && <h4 className="text-sm font-semibold text-muted">{sub}</h4>}
              <ol className="divide-y divide-line overflow-hidden rounded-card border border-line bg-surface">
                {lessons.map((lesson) => (
                  <li key={lesson.id}>
                    <LessonRow
                      lesson={lesson}
                      to={enrollment && `/courses/${course.id}/lessons/${lesson.id}`}
                      state={done.includes(lesson.id) ? 'done' : lesson.id === next?.id ? 'next' : 'open'}
                    />
                  </li>
                ))}
              </ol>
            </div>
          ))}
        </div>
      ))}
    </section>
  );
}

const STATES = {
  done: { icon: CircleCheck, tone: 'good', label: 'lesson.done' },
  next: { icon: CirclePlay, tone: 'sun', label: 'lesson.next_up' },
  open: { icon: BookOpen, tone: 'plain', label: 'lesson.open' },
} as const;

interface LessonRowProps {
  lesson: LessonHead;
  to?: string;
  state: keyof typeof STATES;
}

function LessonRow({ lesson, to, state }: LessonRowProps) {
  const { t } = useTranslation();
  const { icon, tone, label } = STATES[state];
  const content = (
    <>
      <span className="w-7 shrink-0 text-center font-bold tabular-nums text-muted">{lesson.order}</span>
      <span className="min-w-0 flex-1">
        <span className="block font-semibold leading-snug">{lesson.title}</span>
        <span className="mt-0.5 flex items-center gap-1 text-sm text-muted">
          <Clock aria-hidden="true" className="size-4" />
          {t('time.minutes', { count: lesson.duration_minutes })}
        </span>
      </span>
      {to && (
        <Badge tone={tone} icon={icon}>
          {t(label)}
        </Badge>
      )}
    </>
  );
  const look = 'flex min-h-16 items-center gap-2 px-3 py-3';
  return to ? (
    <Link to={to} className={`${look} hover:bg-brand-soft`}>
      {content}
    </Link>
  ) : (
    <div className={look}>{content}</div>
  );
}

type Sub = [string, LessonHead[]];

/** The lessons in their order, under their strands and sub-strands. */
function byStrand(lessons: LessonHead[]): [string, Sub[]][] {
  const strands = new Map<string, Map<string, LessonHead[]>>();
  for (const lesson of [...lessons].sort((a, b) => a.order - b.order)) {
    const subs = strands.get(lesson.strand ?? '') ?? new Map<string, LessonHead[]>();
    strands.set(lesson.strand ?? '', subs);
    const group = subs.get(lesson.sub_strand ?? '') ?? [];
    subs.set(lesson.sub_strand ?? '', group);
    group.push(lesson);
  }
  return [...strands].map(([name, subs]) => [name, [...subs]]);
}
