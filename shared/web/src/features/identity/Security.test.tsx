import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me, SyncStatus } from '../../api/types';
import { navFor } from '../../app/nav';
import { useConnection } from '../../offline/connection';
import { browserOf } from './browser';
import { PasswordSignIn } from './PasswordSignIn';
import { Security } from './Security';
import { useSession } from './session';

const ME = { id: 'a1', email: 'ada@example.org', role: 'admin', profile_data: { full_name: 'Ada' } } as Me;
const SESSIONS = [
  {
    id: 's1',
    device: 'Mozilla/5.0 (Linux; Android 10) Chrome/120',
    created_at: '2026-11-25T08:00:00Z',
    used_at: '2026-11-25T09:00:00Z',
    current: true,
  },
  {
    id: 's2',
    device: 'Mozilla/5.0 (Windows NT 10.0) Firefox/140',
    created_at: '2026-11-20T08:00:00Z',
    used_at: '2026-11-21T09:00:00Z',
    current: false,
  },
];

const problem = (status: number, code: string) => new Response(JSON.stringify({ status, code }), { status });

/** A service that keeps what it was asked. */
function service(answers: Record<string, (body: Record<string, string>) => Response>) {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const route = `${init.method} ${url.replace('/api/v1', '')}`;
    asked.push(route);
    const body = init.body ? (JSON.parse(String(init.body)) as Record<string, string>) : {};
    return answers[route]?.(body) ?? problem(404, 'no_such_route');
  });
  return asked;
}

function open(page: JSX.Element) {
  queryClient.clear();
  useConnection.setState({ status: { side: 'cloud' } as SyncStatus });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter>{page}</MemoryRouter>
    </QueryClientProvider>,
  );
}

afterEach(() => vi.unstubAllGlobals());

describe('signing in with a second factor', () => {
  it('asks for the code after the password, and sends both', async () => {
    let last = {};
    service({
      'POST /auth/login': (body) => {
        last = body;
        return problem(401, body.code ? 'wrong_code' : 'second_factor');
      },
    });
    useSession.setState({ state: 'out', me: null, expired: false });
    open(<PasswordSignIn />);
    expect(screen.queryByLabelText('Code')).toBeNull();
    await userEvent.type(screen.getByLabelText(/e-mail/i), 'ada@example.org');
    await userEvent.type(screen.getByLabelText('Password'), 'Sunny-Day-2026');
    await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
    await userEvent.type(await screen.findByLabelText('Code'), '123456');
    expect(screen.queryByRole('alert')).toBeNull();
    await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('The code is wrong');
    expect(last).toEqual({ email: 'ada@example.org', password: 'Sunny-Day-2026', code: '123456' });
  });
});

describe('sign-ins and security', () => {
  it('shows where one is signed in and ends another sign-in', async () => {
    const asked = service({
      'GET /users/me/sessions': () => new Response(JSON.stringify({ sessions: SESSIONS })),
      'GET /users/me/second-factor': () =>
        new Response(JSON.stringify({ enabled: true, required: true, recovery_codes_left: 9 })),
      'DELETE /users/me/sessions/s2': () => new Response(JSON.stringify({ status: 'success' })),
    });
    useSession.setState({ state: 'in', me: ME });
    open(<Security />);
    const [here, there] = (await screen.findAllByRole('listitem')) as [HTMLElement, HTMLElement];
    expect(within(here).getByText('Chrome, Android')).toBeVisible();
    expect(within(here).queryByRole('button')).toBeNull();
    await userEvent.click(within(there).getByRole('button', { name: 'End the sign-in on Firefox, Windows' }));
    expect(asked).toContain('DELETE /users/me/sessions/s2');
    expect(screen.getByText(/9 recovery codes are left/)).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Turn it off' })).toBeNull();
  });

  it('shows nothing but the set-up to who must have a factor first', async () => {
    service({
      'GET /users/me/second-factor': () =>
        new Response(JSON.stringify({ enabled: false, required: true, recovery_codes_left: 0 })),
      'POST /users/me/second-factor': () =>
        new Response(
          JSON.stringify({ secret: 'ABCDEFGH', uri: 'otpauth://totp/x', picture: 'data:image/png;base64,' }),
        ),
      'POST /users/me/second-factor/confirm': () =>
        new Response(JSON.stringify({ recovery_codes: ['AAAABBBBCCCC'] })),
    });
    useSession.setState({ state: 'in', me: { ...ME, second_factor_first: true } });
    open(<Security />);
    expect(screen.queryByText('Where you are signed in')).toBeNull();
    await userEvent.type(await screen.findByLabelText('Your password again'), 'Sunny-Day-2026');
    await userEvent.click(screen.getByRole('button', { name: 'Set it up' }));
    expect(await screen.findByText('ABCDEFGH')).toBeVisible();
    await userEvent.type(screen.getByLabelText('Code'), '123456');
    await userEvent.click(screen.getByRole('button', { name: 'Turn it on' }));
    expect(await screen.findByText('AAAA-BBBB-CCCC')).toBeVisible();
  });
});

describe('a factor that was just set up', () => {
  const LIMITED = { ...ME, second_factor_first: true } as Me;
  const answers = (line: { up: boolean }) => ({
    'GET /users/me/second-factor': () =>
      new Response(JSON.stringify({ enabled: true, required: true, recovery_codes_left: 10 })),
    'POST /users/me/second-factor/recovery-codes': () =>
      new Response(JSON.stringify({ recovery_codes: ['AAAABBBBCCCC'] })),
    'POST /auth/refresh': () =>
      new Response(JSON.stringify({ access_token: 'a2', refresh_token: 'r2', expires_in: 1800 })),
    'GET /auth/me': () => (line.up ? new Response(JSON.stringify(ME)) : problem(503, 'unavailable')),
    'GET /users/me/sessions': () => new Response(JSON.stringify({ sessions: SESSIONS })),
  });

  it('whose codes were lost is let on after new ones, which stay until she is known with it', async () => {
    const line = { up: false };
    service(answers(line));
    useSession.setState({ state: 'in', me: LIMITED });
    open(<Security />);
    await userEvent.type(await screen.findByLabelText('Code'), '123456');
    await userEvent.click(screen.getByRole('button', { name: 'Make new recovery codes' }));
    await userEvent.click(await screen.findByRole('button', { name: 'I have kept them' }));
    expect(await screen.findByRole('alert')).toBeVisible();
    expect(screen.getByText('AAAA-BBBB-CCCC')).toBeVisible();
    line.up = true;
    await userEvent.click(screen.getByRole('button', { name: 'I have kept them' }));
    expect(await screen.findByText('Where you are signed in')).toBeVisible();
    expect(useSession.getState().me?.second_factor_first).toBeUndefined();
  });

  it('whose codes are kept already is let on without new ones', async () => {
    service(answers({ up: true }));
    useSession.setState({ state: 'in', me: LIMITED });
    open(<Security />);
    await userEvent.click(await screen.findByRole('button', { name: 'Go on with the codes I have' }));
    expect(await screen.findByText('Where you are signed in')).toBeVisible();
  });

  it('leads nowhere else meanwhile', () => {
    expect(navFor(LIMITED, false, 'cloud')).toEqual([]);
    expect(navFor({ ...LIMITED, second_factor_first: false, is_active: true }, false, 'cloud')).not.toEqual(
      [],
    );
  });
});

describe('what a browser calls itself', () => {
  it.each([
    [
      'Mozilla/5.0 (Linux; Android 9; SM-J260F) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/20.0 Chrome/106 Mobile',
      'Samsung Internet',
      'Android',
    ],
    ['Opera/9.80 (Android; Opera Mini/36.2/191) Presto/2.12', 'Opera', 'Android'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 15_0) AppleWebKit/605 Version/15.0 Mobile Safari/604',
      'Safari',
      'iOS',
    ],
    ['curl/8.0', '', ''],
  ])('%s', (agent, browser, system) => {
    expect(browserOf(agent)).toEqual({ browser, system });
  });
});
