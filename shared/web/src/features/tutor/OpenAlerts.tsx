import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { number } from '../../i18n/format';
import { ButtonLink } from '../../ui/Button';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';

/** For the head, the named adult and admins: what stands first after signing in while a child waits for somebody. */
export function OpenAlerts() {
  const { t, i18n } = useTranslation();
  const query = useQuery({
    queryKey: ['alerts', 'open'],
    queryFn: () => service.get('/safeguarding/alerts', { query: { limit: 1 } }),
    refetchInterval: 30_000,
    retry: false,
  });
  const open = query.data?.open ?? 0;
  // Not to know is not the same as nobody: a child could be waiting.
  if (query.error && !query.data) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  if (open === 0) return null;
  return (
    <Notice kind="bad" live>
      <p>{t('alerts.waiting', { count: open, shown: number(open, i18n.language) })}</p>
      <ButtonLink to="/alerts">{t('alerts.look')}</ButtonLink>
    </Notice>
  );
}
