import { type QueryClient, queryOptions } from '@tanstack/react-query';
import { service } from '../../api';

export const rosterQuery = (school: string) =>
  queryOptions({
    queryKey: ['roster', school, 'learners'],
    queryFn: async () => (await service.get('/schools/{id}/roster', { path: { id: school } })).learners,
  });

export const schoolClassesQuery = (school: string) =>
  queryOptions({
    queryKey: ['roster', school, 'classes'],
    queryFn: async () => (await service.get('/schools/{id}/classes', { path: { id: school } })).classes,
  });

export const termsQuery = (school: string, year: number) =>
  queryOptions({
    queryKey: ['roster', school, 'terms', year],
    queryFn: async () =>
      (await service.get('/schools/{id}/terms', { path: { id: school }, query: { year } })).terms,
  });

export const todosQuery = (school: string) =>
  queryOptions({
    queryKey: ['roster', school, 'todos'],
    queryFn: async () => (await service.get('/schools/{id}/roster-todos', { path: { id: school } })).todos,
  });

export const mergesQuery = (school: string) =>
  queryOptions({
    queryKey: ['roster', school, 'merges'],
    queryFn: () => service.get('/schools/{id}/roster-merges', { path: { id: school } }),
  });

/** After a change of the list: every page that shows a part of it asks again. */
export function reread(queries: QueryClient): Promise<unknown> {
  const lists = ['roster', 'learners', 'class-progress', 'classes', 'guardians'];
  return Promise.all(lists.map((list) => queries.invalidateQueries({ queryKey: [list] })));
}
