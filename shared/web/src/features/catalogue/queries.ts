import { queryOptions } from '@tanstack/react-query';
import { service } from '../../api';

export const coursesQuery = (grade?: string) =>
  queryOptions({
    queryKey: ['courses', { grade }],
    queryFn: () => service.get('/courses/', { query: { grade_level: grade, skip: 0, limit: 100 } }),
  });

export const courseQuery = (id: string) =>
  queryOptions({
    queryKey: ['courses', id],
    queryFn: () => service.get('/courses/{course_id}', { path: { course_id: id } }),
    staleTime: 60_000,
  });
