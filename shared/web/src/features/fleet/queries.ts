import { queryOptions } from '@tanstack/react-query';
import { service } from '../../api';

export const schoolsQuery = queryOptions({
  queryKey: ['schools'],
  queryFn: async () => (await service.get('/schools')).schools,
});

export const fleetQuery = queryOptions({
  queryKey: ['fleet'],
  queryFn: async () => (await service.get('/fleet', { query: { limit: 100 } })).boxes,
  refetchInterval: 5_000,
});

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
