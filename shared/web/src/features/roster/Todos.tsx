import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { explain, Problem } from '../../api/problem';
import { Button } from '../../ui/Button';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { todosQuery } from './queries';

/** What the cloud refused or remarked on; each goes when somebody has seen it. */
export function Todos({ school }: { school: string }) {
  const { t } = useTranslation();
  const query = useQuery(todosQuery(school));
  const queries = useQueryClient();
  const seen = useMutation({
    mutationFn: (change: string) =>
      service.post('/schools/{id}/roster-todos/{change}/seen', { path: { id: school, change } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['roster', school] }),
  });
  if (query.error && !query.data) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data?.length) return null;
  return (
    <section aria-label={t('roster.todos')} className="space-y-2">
      <h2 className="text-lg">{t('roster.todos')}</h2>
      {seen.error && <Failure error={seen.error} />}
      {query.data.map((todo) => (
        <Notice key={todo.change_id} kind={todo.refused ? 'bad' : 'waiting'}>
          <p>
            {todo.full_name && <strong>{todo.full_name}: </strong>}
            {explain(new Problem(422, { code: todo.code }), t)}
          </p>
          <Button look="plain" disabled={seen.isPending} onClick={() => seen.mutate(todo.change_id)}>
            {t('roster.seen')}
          </Button>
        </Notice>
      ))}
    </section>
  );
}
