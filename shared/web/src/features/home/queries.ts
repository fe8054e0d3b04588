import { queryOptions } from '@tanstack/react-query';
import { service } from '../../api';

/** Who may learn on this phone; for the guardian and for a child whose session she opened. */
export const familyQuery = queryOptions({
  queryKey: ['family'],
  queryFn: () => service.get('/home/family'),
});
