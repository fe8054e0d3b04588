import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me } from '../../api/types';
import { useConnection } from '../../offline/connection';
import { Tutor } from '../tutor/Tutor';
import { Profile } from './Profile';
import { useSession } from './session';
import { WhoSees } from './WhoSees';

const AMINA = {
  id: 'amina',
  role: 'student',
  is_active: true,
  at_home: true,
  email: 'amina@example.org',
  profile_data: { full_name: 'Amina Otieno', grade_level: 'Grade 4', school_name: 'Kawalase' },
} as unknown as Me;

const ask = 'Who can see what I do?';

/** A cloud that lets a child's session at home do what it may, and nothing else; the rest is kept. */
function open(at: string) {
  const refused: string[] = [];
  queryClient.clear();
  useSession.setState({ state: 'in', me: AMINA });
  useConnection.setState({ status: { side: 'cloud' } as never, reachable: true });
  vi.stubGlobal('fetch', async (url: string) => {
    if (url.includes('/who-sees')) return new Response(JSON.stringify({ viewers: [], things: [] }));
    if (url.includes('/ai-tutor/')) return new Response(JSON.stringify({ messages: [] }));
    refused.push(url);
    return new Response(JSON.stringify({ status: 403, code: 'parent_only' }), { status: 403 });
  });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={[at]}>
        <Routes>
          <Route path="/me" element={<Profile />} />
          <Route path="/who-sees" element={<WhoSees />} />
          <Route path="/tutor" element={<Tutor />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  return refused;
}

describe("a child's own page on her parent's phone", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    useConnection.setState({ status: null, reachable: null });
  });

  it('shows what works for her, and nothing that her parent does', async () => {
    const refused = open('/me');
    expect(await screen.findByText('Amina Otieno')).toBeVisible();
    expect(screen.getByText('Grade 4')).toBeVisible();
    expect(screen.getByText('Kawalase')).toBeVisible();
    const links = screen.getAllByRole('link').map((link) => [link.textContent, link.getAttribute('href')]);
    expect(links).toEqual([
      [ask, '/who-sees'],
      ['Back to my parent', '/family'],
    ]);
    expect(screen.queryAllByRole('button')).toEqual([]);
    expect(screen.queryAllByRole('textbox')).toEqual([]);
    expect(refused).toEqual([]);
  });
});

describe('the way back from who sees what', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('leads to the Bird when she came from there, with the course that she asks about', async () => {
    open('/tutor?course=maths');
    await userEvent.click((await screen.findAllByText(ask))[0] as HTMLElement);
    const back = await screen.findByText('The Bird', { selector: 'a' });
    expect(back).toHaveAttribute('href', '/tutor?course=maths');
  });

  it.each(['/me', '/who-sees'])('leads to her own page from %s', async (at) => {
    open(at);
    if (at === '/me') await userEvent.click(await screen.findByText(ask));
    expect(await screen.findByText('My page', { selector: 'a' })).toHaveAttribute('href', '/me');
  });
});
