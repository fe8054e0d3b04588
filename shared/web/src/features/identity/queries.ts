import { queryOptions } from '@tanstack/react-query';
import { service } from '../../api';

export const classesQuery = queryOptions({
  queryKey: ['classes'],
  queryFn: () => service.get('/auth/classes', { anonymous: true }),
});

/** Where the person is signed in. */
export const sessionsQuery = queryOptions({
  queryKey: ['own-sessions'],
  queryFn: async () => (await service.get('/users/me/sessions')).sessions,
});

export const secondFactorQuery = queryOptions({
  queryKey: ['second-factor'],
  queryFn: () => service.get('/users/me/second-factor'),
});

/** The names of one class, as the sign-in shows them. */
export const namesQuery = (id: string) =>
  queryOptions({
    queryKey: ['classes', id],
    queryFn: () => service.get('/auth/classes/{class}/learners', { path: { class: id }, anonymous: true }),
  });

export const learnersQuery = (school: string) =>
  queryOptions({
    queryKey: ['learners', school],
    queryFn: async () =>
      (await service.get('/schools/{id}/learners', { path: { id: school } })).learners ?? [],
  });

/** Only the admin, the head and who looks after the box may read the teachers' list. */
export const instructorsQuery = (school: string) =>
  queryOptions({
    queryKey: ['instructors', school],
    queryFn: async () =>
      (await service.get('/schools/{id}/instructors', { path: { id: school } })).instructors,
  });

export const consentsQuery = (learner: string) =>
  queryOptions({
    queryKey: ['consents', learner],
    queryFn: async () =>
      (await service.get('/learners/{id}/consents', { path: { id: learner } })).consents ?? [],
  });

/** Only holders of a duty may read the guardians' numbers. */
export const guardiansQuery = (learner: string) =>
  queryOptions({
    queryKey: ['guardians', learner],
    queryFn: async () =>
      (await service.get('/learners/{id}/guardians', { path: { id: learner } })).guardians ?? [],
  });

export const schoolQuery = (school: string) =>
  queryOptions({
    queryKey: ['schools', school],
    queryFn: () => service.get('/schools/{id}', { path: { id: school } }),
    staleTime: 5 * 60_000,
  });
