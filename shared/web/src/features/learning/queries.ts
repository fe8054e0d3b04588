import { queryOptions } from '@tanstack/react-query';
import { service } from '../../api';
import type { ClassMember, LessonHead } from '../../api/types';

export const enrollmentsQuery = queryOptions({
  queryKey: ['enrollments'],
  queryFn: async () => (await service.get('/courses/my-enrollments')) ?? [],
});

export const todayQuery = queryOptions({
  queryKey: ['today'],
  queryFn: () => service.get('/student/dashboard/today'),
});

export const lessonQuery = (course: string, lesson: string) =>
  queryOptions({
    queryKey: ['lessons', course, lesson],
    queryFn: () =>
      service.get('/courses/{course_id}/lessons/{lesson_id}', {
        path: { course_id: course, lesson_id: lesson },
      }),
    staleTime: 5 * 60_000,
  });

/** The lesson a learner does next: the first of the course that is not done. */
export function nextLesson(lessons: LessonHead[], done: string[]): LessonHead | undefined {
  return [...lessons].sort((a, b) => a.order - b.order).find((lesson) => !done.includes(lesson.id));
}

export const classProgressQuery = (school: string) =>
  queryOptions({
    queryKey: ['class-progress', school],
    queryFn: async () =>
      (await service.get('/schools/{school_id}/progress', { path: { school_id: school } })).learners,
  });

/** A learner's courses in one line: lessons, minutes, and when she was last at work. */
export function summary(member: ClassMember): { lessons: number; minutes: number; last?: string } {
  const courses = member.courses ?? [];
  const times = courses.map((c) => c.last_activity ?? '').filter(Boolean);
  return {
    lessons: courses.reduce((sum, c) => sum + c.lessons_completed, 0),
    minutes: courses.reduce((sum, c) => sum + c.minutes_spent, 0),
    last: times.sort().at(-1),
  };
}

export const childrenQuery = queryOptions({
  queryKey: ['children'],
  queryFn: () => service.get('/parent/dashboard/overview'),
});
