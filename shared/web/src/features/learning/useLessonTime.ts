import { useEffect } from 'react';
import { outbox, service } from '../../api';
import { type Body, fill } from '../../api/routes';
import type { Lesson } from '../../api/types';
import { newId } from '../../offline/id';
import { type Stopwatch, useStopwatch } from './useStopwatch';

const TIME = '/courses/{course_id}/lessons/{lesson_id}/time';

/** Shorter looks are not worth a record. */
const WORTH_SECONDS = 15;

/** Tells the server that the lesson was opened, and on leaving how long it was worked on. */
export function useLessonTime(
  user: string,
  lesson: Pick<Lesson, 'id' | 'course_id'>,
  enrolled: boolean,
): Stopwatch {
  const { id: lessonId, course_id: courseId } = lesson;
  const watch = useStopwatch();

  useEffect(() => {
    if (!enrolled) return;
    const path = { course_id: courseId, lesson_id: lessonId };
    // Opening is a courtesy to the teacher's list: lost with the connection, it is no lost work.
    void service.post('/courses/{course_id}/lessons/{lesson_id}/open', { path }).catch(() => undefined);

    const report = () => {
      const seconds = watch.takeSeconds();
      if (seconds < WORTH_SECONDS) return;
      const id = newId();
      const body: Body<typeof TIME> = { seconds, activity_id: id };
      void outbox
        .add({ id, user, kind: 'time', title: '', path: fill(TIME, path), body })
        .catch(() => undefined);
    };
    window.addEventListener('pagehide', report);
    return () => {
      window.removeEventListener('pagehide', report);
      report();
    };
  }, [user, courseId, lessonId, enrolled, watch]);

  return watch;
}
