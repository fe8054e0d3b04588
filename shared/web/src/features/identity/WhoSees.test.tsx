import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import type { ReactNode } from 'react';
import { MemoryRouter } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me, Role } from '../../api/types';
import { Tutor } from '../tutor/Tutor';
import { Profile } from './Profile';
import { useSession } from './session';
import { WhoSees } from './WhoSees';

const FACTS = {
  viewers: ['self', 'parent', 'teacher', 'staff', 'classmate'],
  things: [
    { thing: 'work', by: ['self', 'parent', 'teacher'], if_lent: [] },
    { thing: 'questions', by: ['self'], if_lent: [] },
    { thing: 'name', by: ['teacher'], if_lent: ['staff'] },
  ],
};
const SHY = { profile: 'private', online_status: false, achievements: false, streak: false };

function open(page: ReactNode, role: Role, facts: object = FACTS, status = 200) {
  queryClient.clear();
  useSession.setState({
    state: 'in',
    me: { id: 'me', role, is_active: true, profile_data: { full_name: 'Me' } } as Me,
  });
  vi.stubGlobal('fetch', async (url: string) => {
    const answer = url.includes('/who-sees') ? facts : { messages: [] };
    return new Response(JSON.stringify(answer), { status });
  });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter>{page}</MemoryRouter>
    </QueryClientProvider>,
  );
}

const card = async (title: string) =>
  within((await screen.findByRole('heading', { level: 2, name: title })).closest('section') as HTMLElement);

describe('who can see what', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('tells a child what each person sees and does not see, as the service says', async () => {
    open(<WhoSees />, 'student', { ...FACTS, shown: SHY, questions_leave: false });
    const teacher = await card('My teachers');
    const [sees, not] = teacher.getAllByRole('list');
    expect(sees).toHaveTextContent('my marks');
    expect(sees).not.toHaveTextContent('what I ask the Bird');
    expect(not).toHaveTextContent('what I ask the Bird');
    expect(
      (await card('Helpers at Urban Home School')).getByText(/my name.*only while an admin/),
    ).toBeVisible();
    expect((await card('Other children')).getByText(/stays off until your parent agrees/)).toBeVisible();
    expect((await card('The Bird')).getByText(/Your questions stay at your school/)).toBeVisible();
  });

  it('follows what the child has turned on and her guardian has said', async () => {
    open(<WhoSees />, 'student', {
      ...FACTS,
      shown: { ...SHY, profile: 'class', streak: true },
      questions_leave: true,
    });
    const others = await card('Other children');
    expect(others.getByText('My class sees my page.')).toBeVisible();
    expect(others.getByText(/days in a row/)).toBeVisible();
    expect(others.queryByText(/stays off/)).toBeNull();
    expect((await card('The Bird')).getByText(/Your parent said yes/)).toBeVisible();
  });

  it.each<Role>(['parent', 'instructor'])('tells a %s the same facts in her words', async (role) => {
    open(<WhoSees />, role);
    const teacher = await card("Teachers of the child's school");
    expect(teacher.getByText('lessons, quizzes and marks')).toBeVisible();
  });

  it('says when it cannot be asked for', async () => {
    open(<WhoSees />, 'student', {}, 500);
    expect(await screen.findByRole('button', { name: 'Try again' })).toBeVisible();
  });

  it("is reached from a child's own page and before the first question", async () => {
    open(<Profile />, 'student');
    expect(await screen.findByRole('link', { name: 'Who can see what I do?' })).toHaveAttribute(
      'href',
      '/who-sees',
    );
  });

  it('is reached before the first question to the Bird', async () => {
    open(<Tutor />, 'student');
    expect(await screen.findByText('What would you like to understand?')).toBeVisible();
    for (const link of screen.getAllByRole('link', { name: 'Who can see what I do?' })) {
      expect(link).toHaveAttribute('href', '/who-sees');
    }
  });
});
