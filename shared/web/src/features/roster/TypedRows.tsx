import { CircleAlert, Pencil, X } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { explain, Problem } from '../../api/problem';
import { Button } from '../../ui/Button';
import { Check } from '../../ui/Field';
import type { Doubt, TypedRow } from './typed';

interface TypedRowsProps {
  rows: TypedRow[];
  doubts: Map<string, Doubt>;
  onChange: (rows: TypedRow[]) => void;
  onEdit: (row: TypedRow) => void;
}

/** What was typed, the newest first, with what may be wrong with it. */
export function TypedRows({ rows, doubts, onChange, onEdit }: TypedRowsProps) {
  const { t } = useTranslation();
  if (rows.length === 0) return null;
  return (
    <section aria-label={t('typing.rows')} className="space-y-2">
      <h2 className="text-lg">{t('typing.count', { count: rows.length })}</h2>
      <ul className="divide-y divide-line rounded-card border border-line bg-surface px-3">
        {rows
          .map((row, i) => (
            <li key={row.id} className="py-1.5">
              <Row
                row={row}
                number={i + 1}
                doubt={doubts.get(row.id)}
                onEdit={() => onEdit(row)}
                onRemove={() => onChange(rows.filter((r) => r.id !== row.id))}
                onAnother={(another) => onChange(rows.map((r) => (r.id === row.id ? { ...r, another } : r)))}
              />
            </li>
          ))
          .reverse()}
      </ul>
    </section>
  );
}

interface RowProps {
  row: TypedRow;
  number: number;
  doubt?: Doubt;
  onEdit: () => void;
  onRemove: () => void;
  onAnother: (another: boolean) => void;
}

function Row({ row, number, doubt, onEdit, onRemove, onAnother }: RowProps) {
  const { t } = useTranslation();
  return (
    <div className="space-y-1.5">
      <div className="flex items-center gap-1">
        <span className="w-7 shrink-0 text-right text-sm tabular-nums text-muted">{number}</span>
        <span className="min-w-0 flex-1 px-2">
          <span className="block break-words font-medium">{row.name}</span>
          {row.admission && <span className="block text-sm text-muted">{row.admission}</span>}
        </span>
        <Button
          look="quiet"
          className="px-3"
          aria-label={t('typing.edit', { name: row.name })}
          onClick={onEdit}
        >
          <Pencil aria-hidden="true" className="size-5" />
        </Button>
        <Button
          look="quiet"
          className="px-3"
          aria-label={t('typing.remove', { name: row.name })}
          onClick={onRemove}
        >
          <X aria-hidden="true" className="size-5" />
        </Button>
      </div>
      {(doubt || row.refused) && (
        <p className="flex items-center gap-2 px-2 text-sm font-medium text-bad">
          <CircleAlert aria-hidden="true" className="size-4 shrink-0" />
          {doubt ? t(`typing.doubt.${doubt}`) : explain(new Problem(422, { code: row.refused }), t)}
        </p>
      )}
      {(doubt || row.another) && (
        <Check label={t('typing.another')} checked={row.another === true} onChange={onAnother} />
      )}
    </div>
  );
}
