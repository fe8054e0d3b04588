import { useMutation, useQuery } from '@tanstack/react-query';
import { ArrowLeft, ArrowRight, Check, Circle, CircleCheck } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { service } from '../../api';
import type { Answer, Assessment } from '../../api/types';
import { moment } from '../../i18n/format';
import { useUnsent } from '../../offline/useUnsent';
import { Back } from '../../ui/Back';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Empty, Failure, Loaded, Skeleton } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { useMe } from '../identity/session';
import { isAnswered } from './answers';
import { QuestionForm } from './QuestionForm';
import { Result } from './Result';
import { useQuiz } from './useQuiz';

/** A quiz: one question per screen, every answer kept at once, handed in once. */
export function QuizPage() {
  const { t } = useTranslation();
  const { quiz: id = '' } = useParams();
  const query = useQuery({
    queryKey: ['assessments', id],
    queryFn: async () =>
      (await service.get('/assessments/{assessment_id}', { path: { assessment_id: id } })).data,
    staleTime: 5 * 60_000,
  });
  return (
    <Loaded
      query={query}
      isEmpty={(quiz) => quiz.questions.length === 0}
      empty={
        <Empty title={t('quiz.empty')}>
          <ButtonLink to="/">{t('nav.home')}</ButtonLink>
        </Empty>
      }
    >
      {(quiz) => <Attempt key={quiz.id} quiz={quiz} />}
    </Loaded>
  );
}

function Attempt({ quiz }: { quiz: Assessment }) {
  const { t } = useTranslation();
  const me = useMe();
  const { stage, answers, keptAt, answer, handIn, showMarks, again } = useQuiz(me.id, quiz);
  const above = (
    <Back
      to={
        quiz.lesson_id ? `/courses/${quiz.course_id}/lessons/${quiz.lesson_id}` : `/courses/${quiz.course_id}`
      }
    >
      {t('quiz.to_lesson')}
    </Back>
  );

  return (
    <Page title={quiz.title} above={above}>
      {stage.at === 'opening' && <Skeleton rows={1} />}
      {stage.at === 'sending' && (
        <Notice kind="waiting" live>
          {t('quiz.sending')}
        </Notice>
      )}
      {stage.at === 'waiting' && <Waiting quiz={quiz} onMarks={showMarks} />}
      {stage.at === 'refused' && (
        <div className="space-y-3">
          <Failure error={stage.problem} />
          <ButtonLink look="plain" to="/unsent">
            {t('unsent.see')}
          </ButtonLink>
        </div>
      )}
      {stage.at === 'answering' && (
        <Questions quiz={quiz} answers={answers} keptAt={keptAt} onAnswer={answer} onHandIn={handIn} />
      )}
      {stage.at === 'result' && <Result quiz={quiz} result={stage.result} onAgain={again} />}
    </Page>
  );
}

/** Handed in, but the server has not answered yet. When it has, the marks are one tap away. */
function Waiting({ quiz, onMarks }: { quiz: Assessment; onMarks: () => Promise<void> }) {
  const { t } = useTranslation();
  const held = useUnsent().some((entry) => entry.path.includes(quiz.id));
  const [seen, setSeen] = useState(false);
  const marks = useMutation({ mutationFn: onMarks });
  useEffect(() => {
    if (held) setSeen(true);
  }, [held]);

  if (seen && !held) {
    return (
      <Notice kind="good" live>
        <p>{t('quiz.arrived')}</p>
        {marks.error && <Failure error={marks.error} />}
        <Button disabled={marks.isPending} onClick={() => marks.mutate()}>
          {t('quiz.see_marks')}
        </Button>
      </Notice>
    );
  }
  return (
    <Notice kind="waiting" live>
      <p className="font-semibold">{t('quiz.waiting')}</p>
      <p>{t('unsent.kept')}</p>
    </Notice>
  );
}

interface QuestionsProps {
  quiz: Assessment;
  answers: Record<string, Answer>;
  keptAt: string | null;
  onAnswer: (answer: Answer) => void;
  onHandIn: () => void;
}

function Questions({ quiz, answers, keptAt, onAnswer, onHandIn }: QuestionsProps) {
  const { t, i18n } = useTranslation();
  const total = quiz.questions.length;
  // A resumed quiz opens at the first question without an answer.
  const [at, setAt] = useState(() => {
    const open = quiz.questions.findIndex((q) => !isAnswered(answers[q.id]));
    return open < 0 ? total : open;
  });
  const heading = useRef<HTMLParagraphElement>(null);
  const question = quiz.questions[at];
  const go = (to: number) => {
    setAt(to);
    heading.current?.focus();
  };

  return (
    <div className="mx-auto max-w-2xl space-y-5">
      <div className="space-y-3">
        <p ref={heading} tabIndex={-1} className="font-semibold text-muted outline-none">
          {question ? t('quiz.place', { number: at + 1, total }) : t('quiz.review')}
        </p>
        <Steps quiz={quiz} answers={answers} at={at} onGo={go} />
      </div>
      <Card>
        {question ? (
          <QuestionForm
            key={question.id}
            question={question}
            answer={answers[question.id]}
            onAnswer={onAnswer}
          />
        ) : (
          <Review quiz={quiz} answers={answers} onGo={go} />
        )}
      </Card>
      <div className="flex gap-3">
        {at > 0 && (
          <Button look="plain" className="min-h-14" onClick={() => go(at - 1)}>
            <ArrowLeft aria-hidden="true" className="size-5" />
            {t('quiz.back')}
          </Button>
        )}
        {question ? (
          <Button className="min-h-14 flex-1 text-lg" onClick={() => go(at + 1)}>
            {at + 1 < total ? t('quiz.next') : t('quiz.to_review')}
            <ArrowRight aria-hidden="true" className="size-5" />
          </Button>
        ) : (
          <Button look="sun" className="min-h-14 flex-1 text-lg" onClick={onHandIn}>
            <Check aria-hidden="true" className="size-6" />
            {t('quiz.hand_in')}
          </Button>
        )}
      </div>
      <p className="text-sm text-muted">
        {keptAt ? t('quiz.kept_at', { time: moment(keptAt, i18n.language) }) : t('quiz.kept')}
      </p>
    </div>
  );
}

interface StepsProps {
  quiz: Assessment;
  answers: Record<string, Answer>;
  at: number;
  onGo: (at: number) => void;
}

/** The way through the questions: filled when answered, framed where you are. */
function Steps({ quiz, answers, at, onGo }: StepsProps) {
  const { t } = useTranslation();
  return (
    <ol className="flex flex-wrap gap-2">
      {quiz.questions.map((q, i) => {
        const answered = isAnswered(answers[q.id]);
        return (
          <li key={q.id}>
            <button
              type="button"
              aria-current={i === at ? 'step' : undefined}
              aria-label={t(answered ? 'quiz.step_answered' : 'quiz.step_open', { number: i + 1 })}
              onClick={() => onGo(i)}
              className={`grid size-12 place-items-center rounded-full border-2 font-bold ${i === at ? 'border-brand' : 'border-transparent'} ${answered ? 'bg-brand text-on-brand' : 'bg-raised text-ink'}`}
            >
              {answered ? <Check aria-hidden="true" className="size-5" /> : i + 1}
            </button>
          </li>
        );
      })}
    </ol>
  );
}

function Review({ quiz, answers, onGo }: Omit<StepsProps, 'at'>) {
  const { t } = useTranslation();
  const open = quiz.questions.filter((q) => !isAnswered(answers[q.id])).length;
  return (
    <div className="space-y-4">
      <h2 className="text-xl">
        {open === 0 ? t('quiz.all_answered') : t('quiz.some_open', { count: open })}
      </h2>
      <ul className="divide-y divide-line">
        {quiz.questions.map((q, i) => {
          const answered = isAnswered(answers[q.id]);
          const Icon = answered ? CircleCheck : Circle;
          return (
            <li key={q.id}>
              <button
                type="button"
                onClick={() => onGo(i)}
                className="flex min-h-child w-full items-center gap-3 py-2 text-left hover:text-brand"
              >
                <Icon
                  aria-hidden="true"
                  className={`size-5 shrink-0 ${answered ? 'text-good' : 'text-muted'}`}
                />
                <span className="min-w-0 flex-1">
                  {i + 1}. {q.question}
                </span>
                <span className="shrink-0 text-sm text-muted">
                  {answered ? t('quiz.answered') : t('quiz.not_answered')}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
