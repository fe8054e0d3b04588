import { queryOptions } from '@tanstack/react-query';
import { client } from '../../api';
import type { CourseDetail, CoursePage } from '../../api/types';

export const coursesQuery = (grade?: string) =>
  queryOptions({
    queryKey: ['courses', { grade }],
    queryFn: () =>
      client.call<CoursePage>('/courses/', { query: { grade_level: grade, skip: 0, limit: 100 } }),
  });

export const courseQuery = (id: string) =>
  queryOptions({
    queryKey: ['courses', id],
    queryFn: () => client.call<CourseDetail>(`/courses/${id}`),
    staleTime: 60_000,
  });
