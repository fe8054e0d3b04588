import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { service } from '../../api';

export const boxesQuery = (school: string) =>
  queryOptions({
    queryKey: ['boxes', school],
    queryFn: () => service.get('/schools/{id}/boxes', { path: { id: school } }),
    refetchInterval: 15_000,
  });

export const licencesQuery = (school: string) =>
  queryOptions({
    queryKey: ['licences', school],
    queryFn: async () => (await service.get('/schools/{id}/licences', { path: { id: school } })).licences,
  });

export const lineQuery = (school: string) =>
  queryOptions({
    queryKey: ['line', school],
    queryFn: () => service.get('/schools/{id}/line', { path: { id: school } }),
  });

export const PAGE = 20;

export interface FleetSearch {
  q: string;
  status: string;
  trouble: string;
  sort: string;
  skip: number;
}

/** A filter that is not set is left out of the address. */
const set = <T extends Record<string, unknown>>(query: T) =>
  Object.fromEntries(Object.entries(query).filter(([, v]) => v !== '')) as T;

/** One page of the fleet, live while it is looked at. */
export const fleetPage = (search: FleetSearch) =>
  queryOptions({
    queryKey: ['fleet', 'page', search],
    queryFn: () =>
      service.get('/fleet', {
        query: set({
          q: search.q,
          status: search.status as 'online',
          trouble: search.trouble,
          sort: search.sort as 'name',
          skip: search.skip,
          limit: PAGE,
        }),
      }),
    refetchInterval: 5_000,
    placeholderData: keepPreviousData,
  });

export const boxQuery = (school: string) =>
  queryOptions({
    queryKey: ['fleet', 'box', school],
    queryFn: () => service.get('/fleet/{id}', { path: { id: school } }),
    refetchInterval: 5_000,
  });

export const incidentsQuery = (school: string) =>
  queryOptions({
    queryKey: ['incidents', school],
    queryFn: () => service.get('/fleet/incidents', { query: set({ school, limit: 10 }) }),
    refetchInterval: 15_000,
  });

export const lettersQuery = (search: {
  school: string;
  kind: string;
  type: string;
  state: string;
  skip: number;
}) =>
  queryOptions({
    queryKey: ['letters', search],
    queryFn: () =>
      service.get('/fleet/dead-letters', {
        query: set({ ...search, kind: search.kind as 'poison', state: search.state as 'open', limit: PAGE }),
      }),
    placeholderData: keepPreviousData,
  });

export const letterQuery = (id: string) =>
  queryOptions({
    queryKey: ['letter', id],
    queryFn: () => service.get('/fleet/dead-letters/{id}', { path: { id } }),
    staleTime: Number.POSITIVE_INFINITY,
  });
