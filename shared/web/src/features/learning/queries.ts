import { queryOptions } from '@tanstack/react-query';
import { client } from '../../api';
import type { ClassMember, Enrollment, Lesson, LessonHead, ParentOverview, Today } from '../../api/types';

export const enrollmentsQuery = queryOptions({
  queryKey: ['enrollments'],
  queryFn: () => client.call<Enrollment[] | null>('/courses/my-enrollments').then((list) => list ?? []),
});

export const todayQuery = queryOptions({
  queryKey: ['today'],
  queryFn: () => client.call<Today>('/student/dashboard/today'),
});

export const lessonQuery = (course: string, lesson: string) =>
  queryOptions({
    queryKey: ['lessons', course, lesson],
    queryFn: () => client.call<Lesson>(`/courses/${course}/lessons/${lesson}`),
    staleTime: 5 * 60_000,
  });

/** The lesson a learner does next: the first of the course that is not done. */
export function nextLesson(lessons: LessonHead[], done: string[]): LessonHead | undefined {
  return [...lessons].sort((a, b) => a.order - b.order).find((lesson) => !done.includes(lesson.id));
}

export const classProgressQuery = (school: string) =>
  queryOptions({
    queryKey: ['class-progress', school],
    queryFn: () =>
      client
        .call<{ learners: ClassMember[] | null }>(`/schools/${school}/progress`)
        .then((answer) => answer.learners ?? []),
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
  queryFn: () => client.call<ParentOverview>('/parent/dashboard/overview'),
});
