import { queryOptions } from '@tanstack/react-query';
import { service } from '../../api';

/** The applications of the person who asks; one at most waits. */
export const myApplicationsQuery = queryOptions({
  queryKey: ['applications', 'mine'],
  queryFn: async () =>
    (await service.get('/instructor-applications/', { query: { limit: 100 } })).data.applications,
});

export const applicationsQuery = (status: string) =>
  queryOptions({
    queryKey: ['applications', status],
    queryFn: () => service.get('/staff/instructor-applications', { query: { status, limit: 100 } }),
  });
