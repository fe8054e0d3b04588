import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { service } from '../../api';
import type { OwnPower } from '../../api/types';

export const PAGE = 20;

/** What the signed-in person may do, as the server's table of permissions says. */
export const powersQuery = queryOptions({
  queryKey: ['powers'],
  queryFn: async () => (await service.get('/auth/powers')).powers,
  staleTime: 60_000,
});

/** Whether one of the grades, or everything, of a feature is open. */
export const may = (powers: OwnPower[], feature: string, ...grades: string[]) =>
  powers.some((p) => p.feature === feature && p.grades.some((g) => g === 'full' || grades.includes(g)));

export interface PeopleSearch {
  search: string;
  role: string;
  status: string;
  page: number;
}

/** Filters that are not set are left out of the address. */
const set = <T extends Record<string, unknown>>(query: T) =>
  Object.fromEntries(Object.entries(query).filter(([, v]) => v !== '')) as T;

export const peopleQuery = (search: PeopleSearch, staff: boolean) =>
  queryOptions({
    queryKey: ['people', staff, search],
    queryFn: async () =>
      staff
        ? service.get('/staff/users', { query: { ...set({ ...search }), limit: PAGE } })
        : (await service.get('/admin/users', { query: { ...set({ ...search }), limit: PAGE } })).data,
    placeholderData: keepPreviousData,
  });

export const personQuery = (id: string) =>
  queryOptions({
    queryKey: ['person', id],
    queryFn: async () => (await service.get('/admin/users/{id}', { path: { id } })).data,
  });

export const permissionsQuery = queryOptions({
  queryKey: ['permissions'],
  queryFn: async () => (await service.get('/admin/permissions')).data,
});

export const delegationsQuery = queryOptions({
  queryKey: ['delegations'],
  queryFn: async () => (await service.get('/admin/delegations')).data,
});

export interface AuditSearch {
  action: string;
  user_id: string;
  target_id: string;
  page: number;
}

export const auditQuery = (search: AuditSearch, staff: boolean) =>
  queryOptions({
    queryKey: ['audit', staff, search],
    queryFn: async () => {
      if (!staff) {
        const found = await service.get('/admin/operations/audit-logs', {
          query: { ...set({ ...search }), limit: PAGE },
        });
        return found.data;
      }
      const { action, user_id, page } = search;
      const found = await service.get('/staff/system/audit-log', {
        query: { ...set({ action_type: action, actor_id: user_id }), page, limit: PAGE },
      });
      return { ...found, logs: found.entries.map((e) => ({ ...e, action: e.action_type })) };
    },
    placeholderData: keepPreviousData,
  });

export const errorsQuery = (page: number) =>
  queryOptions({
    queryKey: ['errors', page],
    queryFn: async () =>
      (await service.get('/admin/operations/errors', { query: { page, limit: PAGE } })).data,
    placeholderData: keepPreviousData,
  });

export const erasuresQuery = (page: number) =>
  queryOptions({
    queryKey: ['erasures', page],
    queryFn: async () => (await service.get('/admin/erasures', { query: { page, limit: PAGE } })).data,
    placeholderData: keepPreviousData,
    // A box may confirm while somebody looks.
    refetchInterval: ({ state }) => (state.data?.erasures.some((e) => !e.complete) ? 60_000 : false),
  });
