import { Lightbulb } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Answer, Question } from '../../api/types';
import { Button } from '../../ui/Button';
import { TextField } from '../../ui/Field';
import { parseMeasure, parseNumber } from './answers';
import { Cloze, Matching, Ordering } from './PartsForm';

export interface QuestionProps {
  question: Question;
  answer: Answer | undefined;
  onAnswer: (answer: Answer) => void;
}

/** One question with the input its kind needs, and its hint. */
export function QuestionForm(props: QuestionProps) {
  const Form = FORMS[props.question.type] ?? TextBox;
  return (
    <div className="space-y-5">
      <Form {...props} />
      {props.question.hint && <Hint text={props.question.hint} />}
    </div>
  );
}

const FORMS: Partial<Record<Question['type'], (props: QuestionProps) => ReactNode>> = {
  single: Choices,
  multiple: Choices,
  numeric: NumberBox,
  matching: Matching,
  ordering: Ordering,
  cloze: Cloze,
};

/** What the author says to who is stuck; it costs nothing to open it. */
function Hint({ text }: { text: string }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <div aria-live="polite">
      {open ? (
        <p className="rounded-xl bg-sun-soft p-3 text-sun-ink">{text}</p>
      ) : (
        <Button look="quiet" onClick={() => setOpen(true)}>
          <Lightbulb aria-hidden="true" className="size-5" />
          {t('quiz.hint')}
        </Button>
      )}
    </div>
  );
}

function Choices({ question, answer, onAnswer }: QuestionProps) {
  const { t } = useTranslation();
  const many = question.type === 'multiple';
  const chosen = many ? (answer?.selected_options ?? []) : [answer?.selected_option ?? ''];

  const choose = (id: string, on: boolean) => {
    if (!many) {
      onAnswer({ question_id: question.id, selected_option: id });
      return;
    }
    const rest = chosen.filter((c) => c !== id);
    onAnswer({ question_id: question.id, selected_options: on ? [...rest, id] : rest });
  };

  return (
    <fieldset className="space-y-3">
      <legend className="text-xl font-semibold leading-snug">{question.question}</legend>
      {many && <p className="text-muted">{t('quiz.choose_many')}</p>}
      {question.options?.map((option) => {
        const on = chosen.includes(option.id);
        return (
          <label
            key={option.id}
            className={`flex min-h-14 cursor-pointer items-center gap-3 rounded-2xl border-2 px-4 py-3 text-lg transition-colors has-[:focus-visible]:outline has-[:focus-visible]:outline-[3px] has-[:focus-visible]:outline-offset-2 has-[:focus-visible]:outline-brand ${on ? 'border-brand bg-brand-soft' : 'border-line bg-surface'}`}
          >
            <input
              type={many ? 'checkbox' : 'radio'}
              name={question.id}
              className="size-6 shrink-0 accent-[rgb(var(--brand))] focus-visible:outline-none"
              checked={on}
              onChange={(e) => choose(option.id, e.target.checked)}
            />
            <span className="min-w-0">{option.text}</span>
          </label>
        );
      })}
    </fieldset>
  );
}

function NumberBox({ question, answer, onAnswer }: QuestionProps) {
  const { t } = useTranslation();
  const kept = question.ask_unit ? answer?.text_answer : answer?.numeric_answer?.toString();
  const [text, setText] = useState(kept ?? '');
  const fits = question.ask_unit ? parseMeasure(text) : parseNumber(text) !== undefined;
  const label = question.unit ? t('quiz.number_in', { unit: question.unit }) : t('quiz.number');

  const change = (typed: string) => {
    setText(typed);
    if (!question.ask_unit) onAnswer({ question_id: question.id, numeric_answer: parseNumber(typed) });
    else onAnswer({ question_id: question.id, text_answer: parseMeasure(typed) ? typed : '' });
  };

  return (
    <div className="space-y-4">
      <h2 className="text-xl leading-snug">{question.question}</h2>
      <div className="max-w-xs">
        <TextField
          label={question.ask_unit ? t('quiz.number_and_unit') : label}
          inputMode={question.ask_unit ? 'text' : 'decimal'}
          autoComplete="off"
          autoCapitalize="off"
          value={text}
          error={text.trim() === '' || fits ? undefined : t('quiz.not_a_number')}
          onChange={(e) => change(e.target.value)}
        />
      </div>
    </div>
  );
}

function TextBox({ question, answer, onAnswer }: QuestionProps) {
  const { t } = useTranslation();
  return (
    <div className="space-y-4">
      <h2 className="text-xl leading-snug">{question.question}</h2>
      <TextField
        label={t('quiz.text')}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        maxLength={500}
        value={answer?.text_answer ?? ''}
        onChange={(e) => onAnswer({ question_id: question.id, text_answer: e.target.value })}
      />
    </div>
  );
}
