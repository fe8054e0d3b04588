import { ArrowDown, ArrowUp } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/Button';
import { SelectField, TextField } from '../../ui/Field';
import type { QuestionProps } from './QuestionForm';

/** Questions of several parts: pairs, an order, gaps. All work by tap, by key and read aloud. */

export function Matching({ question, answer, onAnswer }: QuestionProps) {
  const { t } = useTranslation();
  const matches = answer?.matches ?? {};
  return (
    <fieldset className="space-y-4">
      <legend className="text-xl font-semibold leading-snug">{question.question}</legend>
      {question.options.map((option) => (
        <SelectField
          key={option.id}
          label={option.text}
          value={matches[option.id] ?? ''}
          onChange={(e) =>
            onAnswer({ question_id: question.id, matches: { ...matches, [option.id]: e.target.value } })
          }
        >
          <option value="">{t('quiz.choose_one')}</option>
          {question.matches?.map((m) => (
            <option key={m.id} value={m.id}>
              {m.text}
            </option>
          ))}
        </SelectField>
      ))}
    </fieldset>
  );
}

export function Ordering({ question, answer, onAnswer }: QuestionProps) {
  const { t } = useTranslation();
  const [moved, setMoved] = useState('');
  const given = answer?.selected_options;
  const order = given?.length ? given : question.options.map((o) => o.id);
  const text = (id: string) => question.options.find((o) => o.id === id)?.text ?? '';
  const keep = (selected_options: string[]) => onAnswer({ question_id: question.id, selected_options });

  const move = (from: number, to: number) => {
    const next = [...order];
    const [id] = next.splice(from, 1);
    if (!id) return;
    next.splice(to, 0, id);
    setMoved(t('quiz.moved', { item: text(id), place: to + 1 }));
    keep(next);
  };

  return (
    <fieldset className="space-y-3">
      <legend className="text-xl font-semibold leading-snug">{question.question}</legend>
      <p className="text-muted">{t('quiz.put_in_order')}</p>
      <ol className="space-y-2">
        {order.map((id, i) => (
          <li
            key={id}
            className="flex min-h-14 items-center gap-2 rounded-2xl border-2 border-line bg-surface py-1 pl-4 pr-1 text-lg"
          >
            <span className="min-w-0 flex-1">
              {i + 1}. {text(id)}
            </span>
            <Mover up disabled={i === 0} item={text(id)} onMove={() => move(i, i - 1)} />
            <Mover disabled={i === order.length - 1} item={text(id)} onMove={() => move(i, i + 1)} />
          </li>
        ))}
      </ol>
      <p aria-live="polite" className="sr-only">
        {moved}
      </p>
      {!given?.length && (
        <Button look="plain" onClick={() => keep(order)}>
          {t('quiz.order_is_right')}
        </Button>
      )}
    </fieldset>
  );
}

interface MoverProps {
  up?: boolean;
  disabled: boolean;
  item: string;
  onMove: () => void;
}

function Mover({ up, disabled, item, onMove }: MoverProps) {
  const { t } = useTranslation();
  const Icon = up ? ArrowUp : ArrowDown;
  return (
    <button
      type="button"
      disabled={disabled}
      aria-label={t(up ? 'quiz.move_up' : 'quiz.move_down', { item })}
      onClick={onMove}
      className="grid size-12 place-items-center rounded-xl text-brand hover:bg-brand-soft disabled:text-muted disabled:opacity-40"
    >
      <Icon aria-hidden="true" className="size-6" />
    </button>
  );
}

export function Cloze({ question, answer, onAnswer }: QuestionProps) {
  const { t } = useTranslation();
  const gaps = question.gaps ?? [];
  const given = gaps.map((_, i) => answer?.gaps?.[i] ?? '');
  const fill = (at: number, text: string) =>
    onAnswer({ question_id: question.id, gaps: given.map((old, i) => (i === at ? text : old)) });

  return (
    <fieldset className="space-y-4">
      <legend className="text-xl font-semibold leading-snug">{withGaps(question.question, given)}</legend>
      {gaps.map((gap, i) => {
        const label = t('quiz.gap', { number: i + 1 });
        const key = `gap-${i + 1}`;
        return gap.choices?.length ? (
          <SelectField key={key} label={label} value={given[i]} onChange={(e) => fill(i, e.target.value)}>
            <option value="">{t('quiz.choose_one')}</option>
            {gap.choices.map((c) => (
              <option key={c} value={c}>
                {c}
              </option>
            ))}
          </SelectField>
        ) : (
          <TextField
            key={key}
            label={label}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            maxLength={500}
            value={given[i]}
            onChange={(e) => fill(i, e.target.value)}
          />
        );
      })}
    </fieldset>
  );
}

/** The sentence with what was filled in, and a numbered line where a gap is open. */
export function withGaps(prompt: string, filled: string[]): string {
  return filled.reduce(
    (text, word, i) => text.replace(`[${i + 1}]`, word.trim() || `__(${i + 1})__`),
    prompt,
  );
}
