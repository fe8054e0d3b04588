import { useTranslation } from 'react-i18next';

interface ProgressProps {
  done: number;
  total: number;
  label: string;
  /** Instead of "3 of 8". */
  words?: string;
}

/** How far along, as a bar and as words. */
export function Progress({ done, total, label, words: given }: ProgressProps) {
  const { t } = useTranslation();
  const words = given ?? t('progress.of', { done, total });
  const percent = total > 0 ? Math.round((done / total) * 100) : 0;
  return (
    <div className="flex items-center gap-3">
      <div
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={total}
        aria-valuenow={done}
        aria-valuetext={words}
        className="h-2.5 flex-1 overflow-hidden rounded-full bg-raised ring-1 ring-inset ring-line"
      >
        <div
          className="h-full rounded-full bg-brand transition-[width] duration-500"
          style={{ width: `${percent}%` }}
        />
      </div>
      <span className="shrink-0 text-sm tabular-nums text-muted">{words}</span>
    </div>
  );
}
