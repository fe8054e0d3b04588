import { CircleCheck, CircleDashed, CircleX, RotateCcw } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { Assessment, Question, QuestionResult, SubmissionResult } from '../../api/types';
import { number } from '../../i18n/format';
import { Badge } from '../../ui/Badge';
import { Button, ButtonLink } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { withGaps } from './PartsForm';

interface ResultProps {
  quiz: Assessment;
  result: SubmissionResult;
  onAgain: () => void;
}

/** What the box made of the answers: the score first, then every question with the reason. */
export function Result({ quiz, result, onAgain }: ResultProps) {
  const { t, i18n } = useTranslation();
  const cheer = result.passed ? 'result.passed' : 'result.not_yet';
  const points = (value: number) => number(value, i18n.language, 1);
  return (
    <div className="mx-auto max-w-2xl space-y-5">
      <section role="status" className="rounded-card bg-brand-deep p-6 text-center text-on-deep shadow-card">
        <p className="text-5xl font-bold tabular-nums">{number(result.percentage, i18n.language)} %</p>
        <p className="mt-1 text-on-deep/90">
          {t('result.points', { score: points(result.score), total: points(result.total_points) })}
        </p>
        <p className="mt-3 text-xl font-semibold">{t(cheer)}</p>
      </section>
      <ol className="space-y-3">
        {quiz.questions.map((question, i) => (
          <li key={question.id}>
            <Explained
              number={i + 1}
              question={question}
              result={result.results.find((r) => r.question_id === question.id)}
            />
          </li>
        ))}
      </ol>
      <div className="grid gap-3 sm:grid-cols-2">
        <ButtonLink to={`/courses/${quiz.course_id}`}>{t('result.go_on')}</ButtonLink>
        <Button look="plain" onClick={onAgain}>
          <RotateCcw aria-hidden="true" className="size-5" />
          {t('quiz.again')}
        </Button>
      </div>
    </div>
  );
}

interface ExplainedProps {
  number: number;
  question: Question;
  result: QuestionResult | undefined;
}

function Explained({ number: n, question, result }: ExplainedProps) {
  const { t, i18n } = useTranslation();
  if (!result) return null;
  const right = rightAnswer(question, result, i18n.language);
  return (
    <Card className="space-y-2">
      <Mark result={result} />
      <p className="font-semibold">
        {n}.{' '}
        {question.type === 'cloze'
          ? withGaps(question.question, result.correct_gaps ?? [])
          : question.question}
      </p>
      {!result.correct && right && <p>{t('result.answer', { answer: right })}</p>}
      {result.feedback?.map((words) => (
        <p key={words}>{words}</p>
      ))}
      {result.explanation && <p className="text-muted">{result.explanation}</p>}
    </Card>
  );
}

function Mark({ result }: { result: QuestionResult }) {
  const { t } = useTranslation();
  if (!result.correct && result.points > 0) {
    return (
      <Badge tone="sun" icon={CircleDashed}>
        {t('result.points', { score: result.points, total: result.max_points })}
      </Badge>
    );
  }
  return (
    <Badge tone={result.correct ? 'good' : 'bad'} icon={result.correct ? CircleCheck : CircleX}>
      {t(result.correct ? 'result.right' : 'result.wrong')}
    </Badge>
  );
}

/** The right answer in words; empty when the server no longer knows it, or the question already shows it. */
function rightAnswer(question: Question, result: QuestionResult, language: string): string {
  const text = (id: string | undefined) =>
    [...question.options, ...(question.matches ?? [])].find((o) => o.id === id)?.text ?? '';
  if (result.correct_options?.length) {
    return result.correct_options
      .map(text)
      .filter(Boolean)
      .join(question.type === 'ordering' ? ' → ' : ', ');
  }
  const matches = result.correct_matches;
  if (matches) {
    return question.options.map((o) => `${o.text} – ${text(matches[o.id])}`).join('; ');
  }
  if (result.correct_number !== undefined) {
    const unit = question.unit || result.correct_unit;
    return [number(result.correct_number, language, 6), unit].filter(Boolean).join(' ');
  }
  return result.correct_text ?? '';
}
