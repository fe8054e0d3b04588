import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Answer, Question } from '../../api/types';
import { TextField } from '../../ui/Field';
import { parseNumber } from './answers';

interface QuestionProps {
  question: Question;
  answer: Answer | undefined;
  onAnswer: (answer: Answer) => void;
}

/** One question with the input its kind needs. */
export function QuestionForm({ question, answer, onAnswer }: QuestionProps) {
  switch (question.type) {
    case 'single':
    case 'multiple':
      return <Choices question={question} answer={answer} onAnswer={onAnswer} />;
    case 'numeric':
      return <NumberBox question={question} answer={answer} onAnswer={onAnswer} />;
    default:
      return <TextBox question={question} answer={answer} onAnswer={onAnswer} />;
  }
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
  const [text, setText] = useState(answer?.numeric_answer?.toString() ?? '');
  const wrong = text.trim() !== '' && parseNumber(text) === undefined;

  const change = (typed: string) => {
    setText(typed);
    onAnswer({ question_id: question.id, numeric_answer: parseNumber(typed) });
  };

  return (
    <div className="space-y-4">
      <h2 className="text-xl leading-snug">{question.question}</h2>
      <div className="max-w-xs">
        <TextField
          label={question.unit ? t('quiz.number_in', { unit: question.unit }) : t('quiz.number')}
          inputMode="decimal"
          autoComplete="off"
          value={text}
          error={wrong ? t('quiz.not_a_number') : undefined}
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
