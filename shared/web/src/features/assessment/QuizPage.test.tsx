import { QueryClientProvider } from '@tanstack/react-query';
import { act, render, renderHook, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { MemoryRouter, Route, Routes } from 'react-router';
import { outbox } from '../../api';
import { queryClient } from '../../api/query';
import type { Assessment, Me } from '../../api/types';
import { openDraft } from '../../offline/drafts';
import { useSession } from '../identity/session';
import { QuizPage } from './QuizPage';
import { useQuiz } from './useQuiz';

const quiz = {
  id: 'quiz',
  course_id: 'c',
  lesson_id: 'l',
  edition: 3,
  title: 'Fractions',
  description: '',
  total_points: 1,
  passing_score: 60,
  questions: [
    {
      id: 'q1',
      type: 'single',
      question: 'One part of four is',
      options: [
        { id: 'half', text: 'one half' },
        { id: 'quarter', text: 'one quarter' },
      ],
      points: 1,
    },
  ],
};

const marks = {
  submission_id: 's',
  percentage: 100,
  score: 1,
  total_points: 1,
  passed: true,
  results: [
    {
      question_id: 'q1',
      answered: true,
      correct: true,
      points: 1,
      max_points: 1,
      explanation: 'One of four.',
    },
  ],
};

/** A box that serves one quiz, can be out of reach, and remembers what was handed in. */
function serve() {
  const box = { away: false, handedIn: [] as { attempt_id: string; edition: number; answers: unknown }[] };
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    if (url.endsWith('/submit')) {
      if (box.away) throw new TypeError('Failed to fetch');
      box.handedIn.push(JSON.parse(String(init.body)));
      await new Promise((done) => setTimeout(done, 30));
      return new Response(JSON.stringify({ data: marks }));
    }
    return new Response(JSON.stringify({ data: quiz }));
  });
  return box;
}

let person = 0;

function open() {
  person += 1;
  const id = `learner-${person}`;
  queryClient.clear();
  useSession.setState({
    state: 'in',
    me: { id, email: '', role: 'student', profile_data: { full_name: 'Amina Wanjiru' } } as Me,
  });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={['/quizzes/quiz']}>
        <Routes>
          <Route path="/quizzes/:quiz" element={<QuizPage />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  return id;
}

const answerAndReview = async () => {
  await userEvent.click(await screen.findByRole('radio', { name: 'one quarter' }));
  await userEvent.click(screen.getByRole('button', { name: 'Check answers' }));
};

describe('a quiz', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('keeps an answer on the device within a second', async () => {
    serve();
    const id = open();
    await userEvent.click(await screen.findByRole('radio', { name: 'one quarter' }));
    await waitFor(
      async () => expect((await openDraft(id, 'quiz')).answers.q1?.selected_option).toBe('quarter'),
      { timeout: 1_000 },
    );
  });

  it('is handed in once on a double tap, with the attempt id of its draft', async () => {
    const box = serve();
    const id = open();
    await answerAndReview();
    const { attemptId } = await openDraft(id, 'quiz');
    await userEvent.dblClick(screen.getByRole('button', { name: 'Hand in' }));
    expect(await screen.findByText('Well done, you passed!')).toBeInTheDocument();
    expect(box.handedIn).toHaveLength(1);
    expect(box.handedIn[0]).toMatchObject({
      attempt_id: attemptId,
      edition: 3,
      answers: [{ question_id: 'q1', selected_option: 'quarter' }],
    });
    expect(screen.getByText('One of four.')).toBeInTheDocument();
  });

  it('is handed in once even when both taps come before the page has changed', async () => {
    const box = serve();
    const wrapper = ({ children }: { children: ReactNode }) => (
      <QueryClientProvider client={queryClient}>{children}</QueryClientProvider>
    );
    const { result } = renderHook(() => useQuiz('twice', quiz as Assessment), { wrapper });
    await waitFor(() => expect(result.current.stage.at).toBe('answering'));
    await act(async () => {
      await Promise.all([result.current.handIn(), result.current.handIn()]);
    });
    expect(box.handedIn).toHaveLength(1);
  });

  it('says that it waits while the box does not answer, and arrives as the same attempt', async () => {
    const box = serve();
    box.away = true;
    const id = open();
    await answerAndReview();
    await userEvent.click(screen.getByRole('button', { name: 'Hand in' }));
    expect(await screen.findByText(/not handed in yet/)).toBeInTheDocument();
    const [held] = await outbox.list(id);

    box.away = false;
    await outbox.flush(id);
    expect(await screen.findByText('Your answers have arrived and are marked.')).toBeInTheDocument();
    expect(box.handedIn.map((h) => h.attempt_id)).toEqual([held?.id]);
  });
});
