import { CircleCheck, CircleX, RotateCcw } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { Assessment, Question, QuestionResult, SubmissionResult } from '../../api/types';
import { number } from '../../i18n/format';
import { Badge } from '../../ui/Badge';
import { Button, ButtonLink } from '../../ui/Button';
import { Card } from '../../ui/Card';

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
      <Badge tone={result.correct ? 'good' : 'bad'} icon={result.correct ? CircleCheck : CircleX}>
        {result.correct ? t('result.right') : t('result.wrong')}
      </Badge>
      <p className="font-semibold">
        {n}. {question.question}
      </p>
      {!result.correct && right && <p>{t('result.answer', { answer: right })}</p>}
      {result.explanation && <p className="text-muted">{result.explanation}</p>}
    </Card>
  );
}

/** The right answer in words; empty when the server no longer knows it. */
function rightAnswer(question: Question, result: QuestionResult, language: string): string {
  if (result.correct_options?.length) {
    const texts = result.correct_options.map((id) => question.options?.find((o) => o.id === id)?.text ?? '');
    return texts.filter(Boolean).join(', ');
  }
  if (result.correct_number !== undefined) {
    return [number(result.correct_number, language, 6), question.unit].filter(Boolean).join(' ');
  }
  return result.correct_text ?? '';
}
