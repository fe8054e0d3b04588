import { queryOptions } from '@tanstack/react-query';
import { client } from '../../api';
import type { Consent, Guardian, LearnerName, School, SchoolClass, SchoolLearner } from '../../api/types';

export const classesQuery = queryOptions({
  queryKey: ['classes'],
  queryFn: () => client.call<{ classes: SchoolClass[] | null }>('/auth/classes', { anonymous: true }),
});

/** The names of one class, as the sign-in shows them. */
export const namesQuery = (classId: string) =>
  queryOptions({
    queryKey: ['classes', classId],
    queryFn: () =>
      client.call<{ learners: LearnerName[] | null }>(`/auth/classes/${classId}/learners`, {
        anonymous: true,
      }),
  });

export const learnersQuery = (school: string) =>
  queryOptions({
    queryKey: ['learners', school],
    queryFn: () =>
      client
        .call<{ learners: SchoolLearner[] | null }>(`/schools/${school}/learners`)
        .then((answer) => answer.learners ?? []),
  });

export const consentsQuery = (learner: string) =>
  queryOptions({
    queryKey: ['consents', learner],
    queryFn: () =>
      client
        .call<{ consents: Consent[] | null }>(`/learners/${learner}/consents`)
        .then((answer) => answer.consents ?? []),
  });

/** Only holders of a duty may read the guardians' numbers. */
export const guardiansQuery = (learner: string) =>
  queryOptions({
    queryKey: ['guardians', learner],
    queryFn: () =>
      client
        .call<{ guardians: Guardian[] | null }>(`/learners/${learner}/guardians`)
        .then((answer) => answer.guardians ?? []),
  });

export const schoolQuery = (school: string) =>
  queryOptions({
    queryKey: ['schools', school],
    queryFn: () => client.call<School>(`/schools/${school}`),
    staleTime: 5 * 60_000,
  });
