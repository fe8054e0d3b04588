import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../../api/query';
import type { Box, Me, Role } from '../../api/types';
import { useSession } from '../identity/session';
import { BoxPage } from './BoxPage';
import { Fleet } from './Fleet';
import { KeptAside } from './KeptAside';

const LANES = [0, 1, 2, 3, 4].map((lane) => ({
  lane,
  head: 10 * lane,
  applied: 7 * lane,
  backed_up: lane,
  down_head: 5,
  down_applied: 5,
  paused: lane === 4,
}));

const BOX = {
  school_id: 's',
  school: 'Kawalase',
  code: 'K-1',
  county: 'Turkana',
  status: 'online',
  behind: 12,
  unsent: 3,
  dead_letters: 101,
  waiting: 2,
  unknown: 0,
  clock_offset_ms: -1500,
  mirrored_up: 0,
  epoch: 1_764_000_000,
  troubles: ['paused', 'letters'],
  lanes: LANES,
  said: { lost_if_dead: 212, oldest_since_up_seconds: 660, snapshot: '', box_dead_letters: 4 },
} as unknown as Box;

const LETTER = {
  id: 'l',
  school_id: 's',
  kind: 'poison',
  state: 'open',
  type: 'learning.activity',
  entity: 'e',
  reason: 'points are never negative',
  at: '2026-11-23T08:00:00Z',
};

/** A cloud with one box in trouble, which remembers what it was asked and told. */
function serve() {
  const asked: string[] = [];
  const told: [string, unknown][] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = url.replace(/^.*\/api\/v1/, '');
    if ((init.method ?? 'GET') === 'POST') {
      told.push([path, init.body ? JSON.parse(String(init.body)) : null]);
      return path.endsWith('/replay') || path.endsWith('/discard')
        ? new Response(JSON.stringify({ stored: 1 }))
        : new Response(null, { status: 204 });
    }
    asked.push(path);
    if (path.startsWith('/fleet/incidents')) {
      const facts = { lane: 4, dead_letters: 101, waiting: 0 };
      const one = {
        id: 'i',
        school_id: 's',
        school: 'Kawalase',
        kind: 'lane_paused',
        facts,
        at: LETTER.at,
        seen_at: null,
      };
      return new Response(JSON.stringify({ incidents: [one], unseen: 1 }));
    }
    if (path.startsWith('/fleet/dead-letters/')) {
      return new Response(JSON.stringify({ ...LETTER, bytes: 9, body: { Points: -1 } }));
    }
    if (path.startsWith('/fleet/dead-letters')) {
      return new Response(JSON.stringify({ letters: [LETTER], total: 1, has_more: false }));
    }
    if (path.startsWith('/fleet/s')) return new Response(JSON.stringify(BOX));
    return new Response(JSON.stringify({ boxes: [BOX], total: 41, skip: 0, limit: 20, has_more: true }));
  });
  return { asked, told };
}

function open(path: string, role: Role) {
  queryClient.clear();
  useSession.setState({
    state: 'in',
    me: { id: 'me', email: '', role, duties: [], profile_data: { full_name: 'Me' } } as unknown as Me,
  });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={[path]}>
        <Routes>
          <Route path="/fleet" element={<Fleet />} />
          <Route path="/fleet/kept-aside" element={<KeptAside />} />
          <Route path="/fleet/:school" element={<BoxPage />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

describe('the fleet page', () => {
  it('asks for the worst first, and says in words what is wrong', async () => {
    const { asked } = serve();
    open('/fleet', 'staff');
    expect(
      await screen.findByText('Takes nothing more: look at what is kept aside', { selector: 'span' }),
    ).toBeVisible();
    expect(screen.getByText('212')).toBeVisible();
    expect(asked.some((path) => path.includes('sort=trouble') && path.includes('limit=20'))).toBe(true);
  });

  it('lets an admin mark what happened as seen, staff only read', async () => {
    const { told } = serve();
    open('/fleet', 'admin');
    await userEvent.click(await screen.findByRole('button', { name: 'Seen' }));
    await waitFor(() => expect(told[0]?.[0]).toBe('/fleet/incidents/i/seen'));
    document.body.innerHTML = '';
    open('/fleet', 'staff');
    await screen.findByText(/101 records could not be stored/);
    expect(screen.queryByRole('button', { name: 'Seen' })).toBeNull();
    expect(screen.queryByText('Records kept aside')).toBeNull();
  });

  it('goes through the pages', async () => {
    const { asked } = serve();
    open('/fleet', 'staff');
    await userEvent.click(await screen.findByRole('button', { name: 'More' }));
    await waitFor(() => expect(asked.some((path) => path.includes('skip=20'))).toBe(true));
  });
});

describe('the page of a box', () => {
  it('shows each lane, and an admin lets a paused one go on', async () => {
    const { told } = serve();
    open('/fleet/s', 'admin');
    expect(await screen.findByText('4 learning')).toBeVisible();
    expect(screen.getByText('40')).toBeVisible();
    expect(screen.getByText('11 min')).toBeVisible();
    await userEvent.click(screen.getByRole('button', { name: 'Let it go on' }));
    await waitFor(() => expect(told[0]?.[0]).toBe('/fleet/s/lanes/4/resume'));
  });
});

describe('the records kept aside', () => {
  it('are mended and stored, with a reason', async () => {
    const { told } = serve();
    open('/fleet/kept-aside', 'admin');
    await userEvent.click(await screen.findByRole('button', { name: 'Look' }));
    const box = await screen.findByLabelText('The record');
    await userEvent.clear(box);
    await userEvent.type(box, '{{"Points": 5');
    expect(screen.getByRole('button', { name: 'Store it mended' })).toBeDisabled();
    await userEvent.type(box, '}');
    expect(screen.getByRole('button', { name: 'Store it mended' })).toBeDisabled();
    await userEvent.type(screen.getByLabelText('Why'), 'a slip');
    await userEvent.click(screen.getByRole('button', { name: 'Store it mended' }));
    await waitFor(() =>
      expect(told[0]).toEqual(['/fleet/dead-letters/l/replay', { reason: 'a slip', body: { Points: 5 } }]),
    );
  });

  it('are given up only with a reason', async () => {
    const { told } = serve();
    open('/fleet/kept-aside', 'admin');
    await userEvent.click(await screen.findByRole('button', { name: 'Look' }));
    expect(await screen.findByRole('button', { name: 'Give it up' })).toBeDisabled();
    await userEvent.type(screen.getByLabelText('Why'), 'twice');
    await userEvent.click(screen.getByRole('button', { name: 'Give it up' }));
    await waitFor(() => expect(told[0]).toEqual(['/fleet/dead-letters/l/discard', { reason: 'twice' }]));
  });
});
