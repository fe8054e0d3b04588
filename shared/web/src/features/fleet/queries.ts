import { queryOptions } from '@tanstack/react-query';
import { client } from '../../api';
import type { Box, School } from '../../api/types';

export const schoolsQuery = queryOptions({
  queryKey: ['schools'],
  queryFn: () =>
    client
      .call<{ schools: School[] | null; total: number }>('/schools', { query: { skip: 0, limit: 100 } })
      .then((answer) => answer.schools ?? []),
});

export const fleetQuery = queryOptions({
  queryKey: ['fleet'],
  queryFn: () =>
    client
      .call<{ boxes: Box[] | null; total: number }>('/fleet', { query: { skip: 0, limit: 100 } })
      .then((answer) => answer.boxes ?? []),
  refetchInterval: 5_000,
});
