import type { UseQueryResult } from '@tanstack/react-query';
import { RotateCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { explain, Problem } from '../api/problem';
import { Button } from './Button';
import { Notice } from './Notice';

interface LoadedProps<T> {
  query: Pick<UseQueryResult<T>, 'data' | 'error' | 'isPending' | 'isFetching' | 'refetch'>;
  /** How many grey rows to show meanwhile. */
  rows?: number;
  isEmpty?: (data: T) => boolean;
  empty?: ReactNode;
  children: (data: T) => ReactNode;
}

/** The three states of every list and page beside its content: loading, empty, failed with a way to try again. */
export function Loaded<T>({ query, rows = 3, isEmpty, empty, children }: LoadedProps<T>) {
  if (query.data !== undefined) {
    return isEmpty?.(query.data) ? empty : children(query.data);
  }
  if (query.isPending && !query.error) return <Skeleton rows={rows} />;
  return <Failure error={query.error} busy={query.isFetching} onRetry={() => void query.refetch()} />;
}

interface FailureProps {
  error: unknown;
  busy?: boolean;
  onRetry?: () => void;
}

/** What went wrong, in words a person can use, with the number support asks for. */
export function Failure({ error, busy, onRetry }: FailureProps) {
  const { t } = useTranslation();
  const requestId = error instanceof Problem ? error.requestId : '';
  return (
    <Notice kind="bad" live>
      <p className="font-medium">{explain(error, t)}</p>
      {requestId && <p className="break-all text-sm">{t('error.request_id', { id: requestId })}</p>}
      {onRetry && (
        <Button look="plain" onClick={onRetry} disabled={busy}>
          <RotateCw aria-hidden="true" className="size-5" />
          {t('action.retry')}
        </Button>
      )}
    </Notice>
  );
}

export function Skeleton({ rows = 3 }: { rows?: number }) {
  const { t } = useTranslation();
  const bars = Array.from({ length: rows }, (_, i) => `bar-${i}`);
  return (
    <div role="status" className="space-y-3">
      <span className="sr-only">{t('state.loading')}</span>
      {bars.map((bar) => (
        <div key={bar} aria-hidden="true" className="h-20 animate-pulse rounded-card bg-raised" />
      ))}
    </div>
  );
}

interface EmptyProps {
  title: string;
  children?: ReactNode;
}

/** An empty list says why it is empty and what to do next. */
export function Empty({ title, children }: EmptyProps) {
  return (
    <div className="space-y-3 rounded-card border border-dashed border-edge p-6 text-center">
      <p className="font-semibold">{title}</p>
      {children && <div className="space-y-3 text-muted">{children}</div>}
    </div>
  );
}
