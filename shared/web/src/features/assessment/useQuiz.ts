import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { outbox, service } from '../../api';
import type { Problem } from '../../api/problem';
import { type Body, fill } from '../../api/routes';
import type { Answer, Assessment, SubmissionResult } from '../../api/types';
import { DraftKeeper, dropDraft, openDraft } from '../../offline/drafts';
import { useStopwatch } from '../learning/useStopwatch';
import { toSubmit } from './answers';

export type Stage =
  | { at: 'opening' }
  | { at: 'answering' }
  | { at: 'sending' }
  | { at: 'waiting' }
  | { at: 'refused'; problem: Problem }
  | { at: 'result'; result: SubmissionResult };

/** The life of one attempt on this device: open or resume, keep every answer, hand in once, show the result. */
export function useQuiz(user: string, quiz: Assessment) {
  const queries = useQueryClient();
  const keeper = useRef<DraftKeeper | null>(null);
  const handedIn = useRef(false);
  const [answers, setAnswers] = useState<Record<string, Answer>>({});
  const [keptAt, setKeptAt] = useState<string | null>(null);
  const [stage, setStage] = useState<Stage>({ at: 'opening' });
  const [round, setRound] = useState(0);
  const watch = useStopwatch();

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round opens a new draft
  useEffect(() => {
    let gone = false;
    handedIn.current = false;
    const begin = async () => {
      const waiting = (await outbox.list(user)).find((entry) => entry.path === submitPath(quiz.id));
      if (gone) return;
      if (waiting) {
        setStage({ at: 'waiting' });
        return;
      }
      const draft = await openDraft(user, quiz.id);
      if (gone) return;
      keeper.current = new DraftKeeper(draft, setKeptAt);
      setAnswers(draft.answers);
      setStage({ at: 'answering' });
    };
    void begin();
    const keep = () => void keeper.current?.flush();
    document.addEventListener('visibilitychange', keep);
    window.addEventListener('pagehide', keep);
    return () => {
      gone = true;
      keep();
      document.removeEventListener('visibilitychange', keep);
      window.removeEventListener('pagehide', keep);
    };
  }, [user, quiz.id, round]);

  const answer = useCallback((value: Answer) => {
    keeper.current?.set(value.question_id, value);
    setAnswers((all) => ({ ...all, [value.question_id]: value }));
  }, []);

  const handIn = async () => {
    const draft = keeper.current;
    // A double tap is one submission: the flag falls before the first wait.
    if (!draft || handedIn.current) return;
    handedIn.current = true;
    setStage({ at: 'sending' });
    await draft.close();

    const { attemptId } = draft.current;
    const body: Body<typeof SUBMIT> = {
      attempt_id: attemptId,
      edition: quiz.edition,
      answers: toSubmit(quiz.questions, draft.current.answers),
      time_spent_seconds: watch.takeSeconds(),
    };
    const entry = {
      id: attemptId,
      user,
      kind: 'quiz' as const,
      title: quiz.title,
      path: submitPath(quiz.id),
      body,
    };
    const outcome = await outbox.add(entry);
    await dropDraft(user, quiz.id);

    if (outcome.state === 'done') {
      setStage({ at: 'result', result: (outcome.answer as { data: SubmissionResult }).data });
      for (const key of ['submissions', 'today', 'enrollments'])
        void queries.invalidateQueries({ queryKey: [key] });
    } else if (outcome.state === 'refused') {
      setStage({ at: 'refused', problem: outcome.problem });
    } else {
      setStage({ at: 'waiting' });
    }
  };

  /** What was handed in earlier has reached the server: show its marks. */
  const showMarks = async () => {
    const marks = await service.get('/assessments/{assessment_id}/grade', {
      path: { assessment_id: quiz.id },
    });
    setStage({ at: 'result', result: marks.data });
    void queries.invalidateQueries({ queryKey: ['submissions'] });
  };

  return { stage, answers, keptAt, answer, handIn, showMarks, again: () => setRound((n) => n + 1) };
}

const SUBMIT = '/assessments/{assessment_id}/submit';

const submitPath = (id: string) => fill(SUBMIT, { assessment_id: id });
