import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { coursesQuery } from '../catalogue/queries';
import { learnersQuery } from '../identity/queries';

/** A payment names its course and learner by id; these give the words for them. */
export function useCourseTitles(): (id: string) => string {
  const { t } = useTranslation();
  const courses = useQuery(coursesQuery()).data?.courses ?? [];
  return (id) => courses.find((c) => c.id === id)?.title ?? t('home.unknown_course');
}

export function useLearnerNames(school: string): (id: string) => string {
  const { t } = useTranslation();
  const learners = useQuery(learnersQuery(school)).data ?? [];
  return (id) => learners.find((l) => l.id === id)?.full_name ?? t('payments.learner');
}
