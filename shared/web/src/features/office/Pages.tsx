import { useTranslation } from 'react-i18next';
import { number } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { PAGE } from './queries';

/** The way through a list that comes page by page. */
export function Pages({ page, total, go }: { page: number; total: number; go: (page: number) => void }) {
  const { t, i18n } = useTranslation();
  const pages = Math.ceil(total / PAGE);
  if (pages < 2) return null;
  return (
    <nav aria-label={t('office.pages')} className="flex flex-wrap items-center gap-3">
      <Button look="plain" disabled={page <= 1} onClick={() => go(page - 1)}>
        {t('office.before')}
      </Button>
      <span className="tabular-nums text-muted">
        {number(page, i18n.language)} / {number(pages, i18n.language)}
      </span>
      <Button look="plain" disabled={page >= pages} onClick={() => go(page + 1)}>
        {t('office.next')}
      </Button>
    </nav>
  );
}
