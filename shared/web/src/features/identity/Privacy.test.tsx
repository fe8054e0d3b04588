import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { MemoryRouter } from 'react-router';
import { queryClient } from '../../api/query';
import type { Duty, Me, Role, SyncStatus } from '../../api/types';
import { useConnection } from '../../offline/connection';
import { ConsentBySms } from './ConsentBySms';
import { ConsentHistory } from './ConsentHistory';
import { Privacy } from './Privacy';
import { useSession } from './session';

const ANSWERS = [
  { id: 'c3', learner_id: 'l1', purpose: 'photos', given: false, guardian_name: 'Mary', method: 'phone' },
  {
    id: 'c2',
    learner_id: 'l1',
    purpose: 'photos',
    given: true,
    guardian_name: 'Mary',
    method: 'paper',
    photo: 'ab',
  },
  { id: 'c1', learner_id: 'l1', purpose: 'cloud_tutor', given: true, guardian_name: 'Mary', method: 'web' },
].map((one) => ({ ...one, at: '2026-11-20T08:00:00Z' }));

/** A cloud that remembers what it was told. */
function open(
  page: ReactNode,
  role: Role,
  options: { duties?: Duty[]; granted?: boolean; broken?: string } = {},
) {
  const sent: [string, string, unknown][] = [];
  const { duties = [], granted = false, broken } = options;
  queryClient.clear();
  useSession.setState({ state: 'in', me: { id: 'l1', role, duties } as unknown as Me });
  useConnection.setState({ status: { side: 'cloud' } as SyncStatus });
  const settings = {
    profile_visibility: 'private',
    show_streak: false,
    coppa_consent: granted
      ? { status: 'granted', granted_by: 'Mary', granted_at: '2026-11-20T08:00:00Z' }
      : { status: 'not_given', granted_by: null, granted_at: null },
  };
  const questions = [
    {
      id: 'q1',
      guardian_id: 'g',
      purpose: 'photos',
      answer: '',
      asked_at: '2026-11-20T08:00:00Z',
      deadline: '2099-01-01T00:00:00Z',
    },
    {
      id: 'q0',
      guardian_id: 'g',
      purpose: 'cloud_tutor',
      answer: 'stop',
      asked_at: '2026-11-10T08:00:00Z',
      deadline: '2026-11-17T08:00:00Z',
    },
  ];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = new URL(url, 'http://x').pathname.replace('/api/v1', '');
    if (broken && path.endsWith(broken)) return new Response('{}', { status: 500 });
    if (init.method !== 'GET') sent.push([String(init.method), path, JSON.parse(String(init.body))]);
    if (init.method === 'PUT') Object.assign(settings, JSON.parse(String(init.body)));
    if (path.endsWith('/consent-photos/ab'))
      return new Response('jpeg', { headers: { 'Content-Type': 'image/jpeg' } });
    const words = ['cloud_tutor', 'photos'].map((purpose) => ({ purpose, title: `May ${purpose}` }));
    const answers: Record<string, unknown> = {
      consents: { consents: ANSWERS },
      'consent-texts': { version: '1', texts: words },
      privacy: settings,
      guardians: {
        guardians: [
          { id: 'g', name: 'Mary', phone_number: '254711000001', verified: true },
          { id: 'h', name: 'Paul', phone_number: '254711000002', verified: false },
        ],
      },
      'consent-questions': { questions },
    };
    return new Response(JSON.stringify(answers[path.split('/').at(-1) ?? '']));
  });
  URL.createObjectURL = () => 'blob:form';
  URL.revokeObjectURL = () => undefined;
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter>{page}</MemoryRouter>
    </QueryClientProvider>,
  );
  return sent;
}

afterEach(() => vi.unstubAllGlobals());

describe('the history of answers', () => {
  it('shows who said what, when and how, and keeps what was overtaken', async () => {
    open(<ConsentHistory learner="l1" title="All answers" />, 'parent');
    await waitFor(() => expect(screen.getAllByText('May photos')).toHaveLength(2));
    const lines = screen.getAllByRole('listitem').map((line) => line.textContent);
    expect(lines[0]).toMatch(/^NoMay photos.*Mary, .*20.*, by text message/);
    expect(lines[1]).toMatch(/^YesMay photos.*on paper/);
    expect(lines[2]).toMatch(/^YesMay cloud_tutor.*on the web/);
  });

  it.each<[Role, number]>([
    ['parent', 1],
    ['instructor', 1],
    ['admin', 1],
    ['student', 0],
  ])('lets a %s see the photo of the form: %i', async (role, photos) => {
    open(<ConsentHistory learner="l1" title="All answers" />, role);
    await screen.findByText('May cloud_tutor');
    expect(screen.queryAllByRole('button')).toHaveLength(photos);
    if (!photos) return;
    await userEvent.click(screen.getByRole('button', { name: 'The signed form: May photos' }));
    expect(await screen.findByRole('img', { name: 'The signed form: May photos' })).toHaveAttribute(
      'src',
      'blob:form',
    );
  });

  it('is not taken for silence when it cannot be asked for', async () => {
    open(<ConsentHistory learner="l1" title="All answers" />, 'parent', { broken: '/consents' });
    expect(await screen.findByRole('button', { name: 'Try again' })).toBeVisible();
    expect(screen.queryByText('Nobody has answered yet.')).toBeNull();
  });
});

describe('a question to a phone', () => {
  it('is sent by the head to a number that was checked, for what is not allowed', async () => {
    const sent = open(<ConsentBySms learner="l1" />, 'instructor', { duties: ['head'] });
    await userEvent.selectOptions(await screen.findByLabelText('Guardian'), 'Mary, 254711000001');
    expect(screen.queryByText(/Paul/)).toBeNull();
    const what = screen.getByLabelText('What to ask');
    await waitFor(() => expect(what).not.toHaveTextContent('May cloud_tutor'));
    await userEvent.selectOptions(what, 'May photos');
    await userEvent.click(screen.getByRole('button', { name: 'Send the question' }));
    expect(await screen.findByText('The question is on its way.')).toBeVisible();
    expect(sent).toEqual([
      ['POST', '/learners/l1/consent-questions', { guardian_id: 'g', purpose: 'photos' }],
    ]);
  });

  it('is not for a teacher without a duty; parents see what waits', async () => {
    open(<ConsentBySms learner="l1" />, 'parent');
    expect(await screen.findByText(/waits for an answer until/)).toBeVisible();
    expect(screen.getByText(/answered no/)).toBeVisible();
    expect(screen.queryByRole('button')).toBeNull();
  });
});

describe("a learner's own settings", () => {
  it('are off and closed until a guardian agrees', async () => {
    open(<Privacy />, 'student');
    expect(await screen.findByText(/has not allowed showing things/)).toBeVisible();
    for (const box of screen.getAllByRole('checkbox')) {
      expect(box).toBeDisabled();
      expect(box).not.toBeChecked();
    }
    expect(screen.getByLabelText('Who may see my page')).toBeDisabled();
  });

  it('are turned on and off with one tap each', async () => {
    const sent = open(<Privacy />, 'student', { granted: true });
    const streak = await screen.findByRole('checkbox', { name: /days in a row/ });
    await userEvent.click(streak);
    await waitFor(() => expect(streak).toBeChecked());
    await userEvent.click(streak);
    await waitFor(() => expect(streak).not.toBeChecked());
    expect(sent.map(([, , body]) => body)).toEqual([{ show_streak: true }, { show_streak: false }]);
  });
});
