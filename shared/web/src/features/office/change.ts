import { useMutation, useQueryClient } from '@tanstack/react-query';

/** A change of one person; her page and the list of people ask again, also after a refusal. */
export function useChange<T>(id: string, send: (body: T) => Promise<unknown>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSettled: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ['person', id] }),
        queries.invalidateQueries({ queryKey: ['people'] }),
      ]),
  });
}
