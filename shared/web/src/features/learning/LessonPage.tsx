import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ArrowRight, Bird, Check, CircleCheck, ListChecks, Target } from 'lucide-react';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { outbox } from '../../api';
import { type Body, fill } from '../../api/routes';
import type { Enrollment, Lesson } from '../../api/types';
import { useUnsent } from '../../offline/useUnsent';
import { Back } from '../../ui/Back';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { courseQuery } from '../catalogue/queries';
import { useMe } from '../identity/session';
import { enrollmentsQuery, lessonQuery } from './queries';
import { useLessonTime } from './useLessonTime';
import type { Stopwatch } from './useStopwatch';

/** A lesson: what she will be able to do, the text, and the way on. */
export function LessonPage() {
  const { course = '', lesson = '' } = useParams();
  const query = useQuery(lessonQuery(course, lesson));
  return <Loaded query={query}>{(data) => <Open key={data.id} lesson={data} />}</Loaded>;
}

function Open({ lesson }: { lesson: Lesson }) {
  const { t } = useTranslation();
  const course = useQuery(courseQuery(lesson.course_id));
  const text = useRef<HTMLElement>(null);

  // A link of the tutor may point at one heading of the lesson.
  useEffect(() => {
    const anchor = decodeURIComponent(window.location.hash.slice(1));
    if (anchor) text.current?.querySelector(`[id="${CSS.escape(anchor)}"]`)?.scrollIntoView();
  }, []);

  // A picture that made room for something else, or has not come yet, says so.
  useLayoutEffect(() => {
    const article = text.current;
    const away = (event: Event) => {
      const picture = event.target;
      if (!(picture instanceof HTMLImageElement)) return;
      const words = document.createElement('span');
      words.className = 'text-muted italic';
      words.textContent = [picture.alt, t('lesson.picture_away')].filter(Boolean).join(': ');
      picture.replaceWith(words);
    };
    article?.addEventListener('error', away, true); // errors of pictures do not bubble
    return () => article?.removeEventListener('error', away, true);
  }, [t]);

  return (
    <Page
      title={lesson.title}
      above={
        <div>
          <Back to={`/courses/${lesson.course_id}`}>{course.data?.title ?? t('lesson.to_course')}</Back>
          <p className="text-sm text-muted">
            {[lesson.strand, lesson.sub_strand].filter(Boolean).join(' › ')}
          </p>
        </div>
      }
    >
      {lesson.outcomes?.length > 0 && (
        <section className="rounded-card bg-brand-soft p-4">
          <h2 className="flex items-center gap-2 text-base">
            <Target aria-hidden="true" className="size-5" />
            {t('lesson.outcomes')}
          </h2>
          <ul className="mt-2 list-disc space-y-1 pl-6">
            {lesson.outcomes.map((outcome) => (
              <li key={outcome}>{outcome}</li>
            ))}
          </ul>
        </section>
      )}
      <Card>
        {/* biome-ignore-start lint/security/noDangerouslySetInnerHtml: made by the server from a signed course, sanitised there */}
        <article
          ref={text}
          lang={course.data?.language}
          className="lesson"
          dangerouslySetInnerHTML={{ __html: lesson.html }}
        />
        {/* biome-ignore-end lint/security/noDangerouslySetInnerHtml: see above */}
      </Card>
      <Onward lesson={lesson} />
    </Page>
  );
}

function Onward({ lesson }: { lesson: Lesson }) {
  const { t } = useTranslation();
  const course = useQuery(courseQuery(lesson.course_id));
  const enrollments = useQuery(enrollmentsQuery);
  const enrollment = enrollments.data?.find((e) => e.course_id === lesson.course_id);
  const ordered = [...(course.data?.lessons ?? [])].sort((a, b) => a.order - b.order);
  const me = useMe();
  const watch = useLessonTime(me.id, lesson, Boolean(enrollment));
  const following = ordered[ordered.findIndex((l) => l.id === lesson.id) + 1];

  return (
    <section aria-label={t('lesson.onward')} className="space-y-3">
      {enrollment && <MarkDone lesson={lesson} enrollment={enrollment} watch={watch} />}
      <div className="grid gap-3 sm:grid-cols-2">
        {lesson.assessment_id && (
          <ButtonLink look="sun" className="min-h-14 text-lg" to={`/quizzes/${lesson.assessment_id}`}>
            <ListChecks aria-hidden="true" className="size-6 shrink-0" />
            {t('lesson.quiz')}
          </ButtonLink>
        )}
        {following && (
          <ButtonLink
            look="plain"
            className="min-h-14"
            to={`/courses/${lesson.course_id}/lessons/${following.id}`}
          >
            <span className="min-w-0">{t('lesson.following', { lesson: following.title })}</span>
            <ArrowRight aria-hidden="true" className="size-5 shrink-0" />
          </ButtonLink>
        )}
        <ButtonLink
          look="plain"
          className="min-h-14"
          to={`/tutor?course=${lesson.course_id}`}
          state={{ lesson: lesson.title }}
        >
          <Bird aria-hidden="true" className="size-6 shrink-0" />
          {t('lesson.ask')}
        </ButtonLink>
      </div>
    </section>
  );
}

const COMPLETE = '/courses/enrollments/{enrollment_id}/complete-lesson';

interface MarkDoneProps {
  lesson: Lesson;
  enrollment: Enrollment;
  watch: Stopwatch;
}

/** "Done" appears only when the server has it; until then the page says that it waits on this device. */
function MarkDone({ lesson, enrollment, watch }: MarkDoneProps) {
  const { t } = useTranslation();
  const me = useMe();
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const id = `lesson/${me.id}/${lesson.id}`;
  const waiting = useUnsent().find((entry) => entry.id === id);
  const done = enrollment.completed_lessons?.includes(lesson.id);

  const mark = async () => {
    setBusy(true);
    const body: Body<typeof COMPLETE> = { lesson_id: lesson.id, time_spent_minutes: watch.takeMinutes() };
    const outcome = await outbox.add({
      id,
      user: me.id,
      kind: 'lesson',
      title: lesson.title,
      path: fill(COMPLETE, { enrollment_id: enrollment.id }),
      body,
    });
    if (outcome.state === 'done') {
      await queries.invalidateQueries({ queryKey: enrollmentsQuery.queryKey });
      void queries.invalidateQueries({ queryKey: ['today'] });
    }
    setBusy(false);
  };

  if (done) {
    return (
      <p role="status" className="inline-flex items-center gap-2 font-semibold text-good">
        <CircleCheck aria-hidden="true" className="size-6" />
        {t('lesson.is_done')}
      </p>
    );
  }
  if (waiting && !busy) {
    return (
      <Notice kind={waiting.refused ? 'bad' : 'waiting'} live>
        <p>{waiting.refused ? t('unsent.refused') : t('unsent.kept')}</p>
        <ButtonLink look="plain" to="/unsent">
          {t('unsent.see')}
        </ButtonLink>
      </Notice>
    );
  }
  return (
    <Button wide className="min-h-14 text-lg" disabled={busy} onClick={() => void mark()}>
      <Check aria-hidden="true" className="size-6" />
      {busy ? t('lesson.marking') : t('lesson.mark')}
    </Button>
  );
}
