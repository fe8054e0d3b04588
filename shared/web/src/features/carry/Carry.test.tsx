import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter } from 'react-router';
import { queryClient } from '../../api/query';
import type { HandOver, Me, SyncStatus } from '../../api/types';
import { useConnection } from '../../offline/connection';
import { useSession } from '../identity/session';
import { Carry } from './Carry';
import { handOver } from './handover';

const OUTCOME: HandOver['outcome'] = {
  state: 'applied',
  made_at: '2026-11-25T08:00:00Z',
  at: '2026-11-25T10:00:00Z',
  new: 212,
  known: 0,
  items: [
    { kind: 'learning', new: 209, known: 0 },
    { kind: 'tutor', new: 3, known: 0 },
  ],
  safe: 0,
  answers: 0,
  files: 0,
  waits: 0,
  aside: 0,
};

/** The other side of a hand-over, which remembers the bytes and can lose a request. */
function side(size: number, extra: Partial<HandOver> = {}) {
  const got = { bytes: 0, requests: 0, lost: 0, polls: 0 };
  const say = (stage: HandOver['stage'], more: Partial<HandOver> = {}) => {
    const state: HandOver = {
      id: 'u1',
      school_name: 'Lodwar Primary',
      size,
      received: got.bytes,
      read: 0,
      stage,
      again: false,
      ...more,
    };
    return new Response(JSON.stringify(state));
  };
  const fetcher = async (url: string, init: RequestInit) => {
    got.requests += 1;
    if (got.lost > 0) {
      got.lost -= 1;
      throw new TypeError('no network');
    }
    if (init.method === 'POST') {
      const offset = Number(new URL(url, 'http://x').searchParams.get('offset') ?? 0);
      const body = init.body as ArrayBuffer;
      if (offset === got.bytes) got.bytes += body.byteLength;
      if (got.bytes < size) return say('receiving');
      return say('reading');
    }
    got.polls += 1;
    return say('done', { outcome: OUTCOME, read: size, ...extra });
  };
  return { got, fetcher: fetcher as unknown as typeof fetch };
}

const now = async () => undefined;

describe('handing a file over', () => {
  it('sends it in slices and waits until it is stored', async () => {
    const file = new Blob([new Uint8Array(700_000)]);
    const there = side(file.size);
    const seen: number[] = [];
    const end = await handOver(file, {
      fetcher: there.fetcher,
      sleep: now,
      progress: (s) => seen.push(s?.received ?? 0),
    });
    expect(end.stage).toBe('done');
    expect(there.got.bytes).toBe(700_000);
    expect(seen.length).toBeGreaterThan(2);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
  });

  it('goes on where the other side says, after requests were lost', async () => {
    const file = new Blob([new Uint8Array(400_000)]);
    const there = side(file.size);
    there.got.lost = 3;
    let waited = 0;
    await handOver(file, {
      fetcher: there.fetcher,
      sleep: now,
      progress: (_, waiting) => {
        if (waiting) waited += 1;
        if (there.got.requests === 5) there.got.lost = 1;
      },
    });
    expect(waited).toBeGreaterThanOrEqual(3);
    expect(there.got.bytes).toBe(400_000);
  });

  it('stops at a refusal and says why', async () => {
    const refuse = (async () =>
      new Response(JSON.stringify({ code: 'bundle_other_school', status: 403 }), {
        status: 403,
      })) as typeof fetch;
    await expect(
      handOver(new Blob(['x']), { fetcher: refuse, sleep: now, progress: () => undefined }),
    ).rejects.toMatchObject({ code: 'bundle_other_school' });
  });

  it('does not send again what a quota refused', async () => {
    let asked = 0;
    const refuse = (async () => {
      asked += 1;
      return new Response(JSON.stringify({ code: 'bundle_quota', status: 429 }), { status: 429 });
    }) as typeof fetch;
    await expect(
      handOver(new Blob(['x']), { fetcher: refuse, sleep: now, progress: () => undefined }),
    ).rejects.toMatchObject({ code: 'bundle_quota' });
    expect(asked).toBe(1);
  });
});

function open(at: 'school' | 'cloud', role: Me['role'] | null) {
  queryClient.clear();
  useConnection.setState({
    reachable: true,
    status: { side: at, waiting: 212, needs: [] } as unknown as SyncStatus,
  });
  useSession.setState({ state: role ? 'in' : 'out', me: role ? ({ id: 'me', role } as Me) : null });
  return render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter>
        <Carry />
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

describe('the page', () => {
  it('writes the file with one tap, downloads it, and says where to hand it over', async () => {
    const clicked: string[] = [];
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
      clicked.push(this.getAttribute('href') ?? '');
    });
    vi.stubGlobal(
      'fetch',
      async () =>
        new Response(
          JSON.stringify({
            url: '/carry/file/secret',
            name: 'lodwar-primary-2026-11-25.uhs',
            size: 5000,
            records: 212,
            made_at: '2026-11-25T08:00:00Z',
            hand_over_url: 'https://uhs.example/carry',
          }),
        ),
    );
    open('school', 'instructor');
    await userEvent.click(screen.getByRole('button', { name: /put the work on this phone/i }));
    await waitFor(() => expect(clicked).toEqual(['/carry/file/secret']));
    expect(screen.getByText(/212 pieces of work that the cloud does not have yet/i)).toBeVisible();
    expect(screen.getByRole('link', { name: 'https://uhs.example/carry' })).toBeVisible();
  });

  it('asks a child or a visitor to let a teacher sign in', () => {
    open('school', null);
    expect(screen.queryByRole('button', { name: /put the work/i })).toBeNull();
    expect(screen.getByRole('link', { name: /teacher/i })).toHaveAttribute('href', '/sign-in/password');
  });

  it('takes a file at the cloud without an account and gives the receipt and the way back', async () => {
    const there = side(5, {
      receipt_url: '/carry/receipt/b',
      return: {
        url: '/carry/back/b',
        name: 'back.uhs',
        size: 900,
        records: 4,
        made_at: '2026-11-25T10:00:00Z',
      },
    });
    vi.stubGlobal('fetch', there.fetcher);
    open('cloud', null);
    await userEvent.upload(screen.getByLabelText(/choose the file/i), new File(['12345'], 'lodwar.uhs'));
    expect(await screen.findByText(/has arrived at the cloud/i, {}, { timeout: 5000 })).toBeVisible();
    expect(screen.getByText('209 pieces of work')).toBeVisible();
    expect(screen.getByText('3 questions to the tutor')).toBeVisible();
    expect(screen.getByRole('link', { name: /save the file for the school/i })).toHaveAttribute(
      'href',
      '/carry/back/b',
    );
    expect(screen.getByRole('link', { name: /receipt/i })).toHaveAttribute('href', '/carry/receipt/b');
  });

  it('says that a file was delivered before, and that it is no mistake', async () => {
    vi.stubGlobal('fetch', side(5, { again: true }).fetcher);
    open('cloud', null);
    await userEvent.upload(screen.getByLabelText(/choose the file/i), new File(['12345'], 'lodwar.uhs'));
    expect(await screen.findByText(/had been handed over before/i, {}, { timeout: 5000 })).toBeVisible();
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it.each([
    ['bundle_not_one', /not one of ours/i],
    ['bundle_torn', /damaged or incomplete/i],
    ['bundle_other_school', /another school/i],
  ])('explains %s and lets another file be chosen', async (code, words) => {
    vi.stubGlobal('fetch', async () => new Response(JSON.stringify({ code, status: 422 }), { status: 422 }));
    open('school', null);
    await userEvent.upload(screen.getByLabelText(/choose the file/i), new File(['x'], 'photo.jpg'));
    expect(await screen.findByRole('alert')).toHaveTextContent(words);
    expect(screen.getByLabelText(/choose another file/i)).toBeInTheDocument();
  });
});

describe('a part that waits', () => {
  it('ends with what was taken and what waits until the office has looked', async () => {
    const outcome = { ...OUTCOME, state: 'paused' as const, waits: 1612 };
    vi.stubGlobal('fetch', side(5, { outcome, receipt_url: '/carry/receipt/b' }).fetcher);
    open('cloud', null);
    await userEvent.upload(screen.getByLabelText(/choose the file/i), new File(['12345'], 'lodwar.uhs'));
    expect(
      await screen.findByText(/waits until the office has looked/i, {}, { timeout: 5000 }),
    ).toBeVisible();
    expect(screen.getByText('1,612 records wait in the file')).toBeVisible();
    expect(screen.getByText('209 pieces of work')).toBeVisible();
    expect(screen.getByRole('link', { name: /receipt/i })).toBeVisible();
    expect(screen.queryByText(/sending the work/i)).toBeNull();
  });

  it('says that a box which was away for too long has to connect once, also the second time', async () => {
    const outcome = { ...OUTCOME, state: 'below' as const };
    vi.stubGlobal('fetch', side(5, { outcome, again: true }).fetcher);
    open('cloud', null);
    await userEvent.upload(screen.getByLabelText(/choose the file/i), new File(['12345'], 'lodwar.uhs'));
    expect(await screen.findByText(/must connect once/i, {}, { timeout: 5000 })).toBeVisible();
  });
});
