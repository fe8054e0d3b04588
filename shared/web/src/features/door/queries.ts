import { queryOptions } from '@tanstack/react-query';
import { service } from '../../api';

/** What is open on this device, and until when the school may go on. */
export const doorQuery = queryOptions({
  queryKey: ['door'],
  queryFn: () => service.get('/auth/door', { anonymous: true }),
});

export const lockedQuery = queryOptions({
  queryKey: ['locked'],
  queryFn: async () => (await service.get('/door/locked')).learners,
});

export const sheetsQuery = (school: string) =>
  queryOptions({
    queryKey: ['recovery-sheets', school],
    queryFn: async () =>
      (await service.get('/schools/{id}/recovery-sheets', { path: { id: school } })).sheets,
  });
