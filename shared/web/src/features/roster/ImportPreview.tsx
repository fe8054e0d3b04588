import { CircleAlert, CircleCheck, CircleHelp, CirclePlus, type LucideIcon, RefreshCw } from 'lucide-react';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ImportPlan, ImportRow } from '../../api/types';
import { Badge, type Tone } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Notice';
import type { Answers } from './Import';

type State = ImportRow['state'];

/** What needs a person first. */
const ORDER: State[] = ['error', 'question', 'update', 'new', 'same'];
const LOOK: Record<State, { tone: Tone; icon: LucideIcon }> = {
  error: { tone: 'bad', icon: CircleAlert },
  question: { tone: 'sun', icon: CircleHelp },
  update: { tone: 'brand', icon: RefreshCw },
  new: { tone: 'good', icon: CirclePlus },
  same: { tone: 'plain', icon: CircleCheck },
};
/** More rows are shown on demand: a phone draws a list of a whole school slowly. */
const FIRST = 60;

interface ImportPreviewProps {
  plan: ImportPlan;
  answers: Answers;
  busy: boolean;
  importing: boolean;
  onAnswer: (row: number, same: boolean) => void;
  onImport: () => void;
}

/** What the list would do, and the button that does it once no row is wrong or in doubt. */
export function ImportPreview({ plan, answers, busy, importing, onAnswer, onImport }: ImportPreviewProps) {
  const { t } = useTranslation();
  const [only, setOnly] = useState<State | null>(null);
  const [all, setAll] = useState(false);
  const count = (state: State) => plan.rows.filter((r) => r.state === state).length;
  // An answered question stays among the questions: nobody looks for it elsewhere.
  const rank = (r: ImportRow) =>
    ORDER.indexOf(answers[r.row] !== undefined && r.state !== 'error' ? 'question' : r.state);
  const sorted = [...plan.rows].sort((a, b) => rank(a) - rank(b) || a.row - b.row);
  const shown = sorted.filter((r) => only === null || r.state === only);
  const open = count('error') + count('question');
  const todo = count('new') + count('update');

  return (
    <section aria-label={t('import.preview')} className="space-y-4">
      <h2 className="text-xl">{t('import.preview')}</h2>
      <fieldset className="flex flex-wrap gap-2">
        <legend className="sr-only">{t('import.show_only')}</legend>
        {ORDER.filter((state) => count(state) > 0).map((state) => (
          <button
            key={state}
            type="button"
            aria-pressed={only === state}
            onClick={() => setOnly(only === state ? null : state)}
            className="min-h-tap rounded-full border border-edge px-1.5 aria-pressed:border-brand aria-pressed:bg-brand-soft"
          >
            <Badge {...LOOK[state]}>{t(`import.${state}`, { count: count(state) })}</Badge>
          </button>
        ))}
      </fieldset>
      {plan.ignored.length > 0 && (
        <Notice>
          {t('import.ignored', { columns: plan.ignored.join(', '), count: plan.ignored.length })}
        </Notice>
      )}
      <ul className="divide-y divide-line rounded-card border border-line bg-surface px-4">
        {shown.slice(0, all ? undefined : FIRST).map((row) => (
          <li key={row.row} className="py-2">
            <Row row={row} same={answers[row.row]} busy={busy} onAnswer={(same) => onAnswer(row.row, same)} />
          </li>
        ))}
      </ul>
      {!all && shown.length > FIRST && (
        <Button look="plain" onClick={() => setAll(true)}>
          {t('import.show_all', { count: shown.length })}
        </Button>
      )}
      {open > 0 && (
        <Notice kind="waiting" live>
          {t(count('error') > 0 ? 'import.mend' : 'import.answer')}
        </Notice>
      )}
      {open === 0 && todo === 0 && <Notice kind="good">{t('import.nothing_new')}</Notice>}
      <Button wide disabled={busy || open > 0 || todo === 0} onClick={onImport}>
        {importing ? t('action.busy') : t('import.run', { count: todo })}
      </Button>
    </section>
  );
}

interface RowProps {
  row: ImportRow;
  same?: boolean;
  busy: boolean;
  onAnswer: (same: boolean) => void;
}

function Row({ row, same, busy, onAnswer }: RowProps) {
  const { t } = useTranslation();
  const group = useId();
  const asked = row.state === 'question' || same !== undefined;
  return (
    <div className="space-y-1.5">
      <div className="flex flex-wrap items-baseline justify-between gap-x-3 gap-y-1">
        <span className="min-w-0">
          <span className="mr-2 text-sm tabular-nums text-muted">{t('import.row', { number: row.row })}</span>
          <span className="font-medium">{row.name || t('import.no_name')}</span>
          {row.class_name && <span className="text-sm text-muted"> · {row.class_name}</span>}
        </span>
        <Badge {...LOOK[row.state]}>{t(`import.state.${row.state}`)}</Badge>
      </div>
      {row.errors.map((e) => (
        <p key={`${e.column} ${e.code}`} className="text-sm font-medium text-bad">
          {t(`import.column.${e.column}`)}: {t(`import.error.${e.code}`)}
        </p>
      ))}
      {asked && (
        <fieldset className="flex flex-wrap items-center gap-x-5">
          <legend className="text-sm">{t('import.question_text')}</legend>
          {[true, false].map((is) => (
            <label key={String(is)} className="flex min-h-tap items-center gap-2">
              <input
                type="radio"
                name={group}
                className="size-5 accent-[rgb(var(--brand))]"
                checked={same === is}
                disabled={busy}
                onChange={() => onAnswer(is)}
              />
              {t(is ? 'import.is_same' : 'import.is_new')}
            </label>
          ))}
        </fieldset>
      )}
    </div>
  );
}
