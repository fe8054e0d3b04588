import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me, Role } from '../../api/types';
import { useConnection } from '../../offline/connection';
import { useSession } from '../identity/session';
import { PersonalData } from './PersonalData';

const DUE = '2099-12-03T08:00:00Z';
const REQUEST = {
  code: 'aB-c_1',
  asked_at: '2099-11-26T08:00:00Z',
  due_at: DUE,
  done_at: null as string | null,
  complete: false,
  stops: [],
  backups_until: null,
  kept: [],
};

let sent: { method: string; path: string; body: unknown }[] = [];
/** The request that the service holds, and what it answers to a question for one. */
let standing: typeof REQUEST | null = null;
let refusal: { status: number; code: string } | null = null;

const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });

function service(url: string, init: RequestInit) {
  const method = init.method ?? 'GET';
  const path = new URL(url, 'http://x').pathname;
  if (method !== 'GET') sent.push({ method, path, body: init.body ? JSON.parse(String(init.body)) : null });
  if (method === 'POST') {
    if (refusal) return json(refusal.status, { code: refusal.code });
    standing = REQUEST;
    return json(201, standing);
  }
  if (method === 'DELETE') {
    standing = null;
    return new Response(null, { status: 204 });
  }
  return standing ? json(200, standing) : json(404, { code: 'no_erasure' });
}

function show(page: React.ReactNode, { role = 'parent' as Role, side = 'cloud', more = {} } = {}) {
  useSession.setState({ state: 'in', me: { id: 'me', role, is_active: true, ...more } as unknown as Me });
  useConnection.setState({ status: { side } as never, reachable: true });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter>{page}</MemoryRouter>
    </QueryClientProvider>,
  );
}

const button = (name: string) => screen.findByRole('button', { name });
const sure = () => userEvent.click(screen.getByRole('checkbox'));

beforeEach(() => {
  sent = [];
  standing = null;
  refusal = null;
  queryClient.clear();
  vi.stubGlobal('fetch', async (url: string, init: RequestInit = {}) => service(url, init));
});
afterEach(() => {
  vi.unstubAllGlobals();
  useSession.setState({ state: 'out', me: null });
  useConnection.setState({ status: null });
});

describe('asking for an erasure', () => {
  it('says what goes and what stays, and needs a tick beside the password', async () => {
    show(<PersonalData person="l1" name="Amina Ekai" />);
    await userEvent.click(await button('Erase everything'));
    expect(sent).toEqual([]);
    expect(screen.getByText('Name, contacts, picture and the way to sign in.')).toBeVisible();
    expect(screen.getByText(/by law the books keep amounts/)).toBeVisible();
    expect(screen.queryByText(/Your children's data stays/)).toBeNull();

    const ask = await button('Ask for the erasure');
    expect(ask).toBeDisabled();
    await userEvent.type(screen.getByLabelText('Your password'), 'Tumaini-7');
    expect(ask).toBeDisabled();
    await userEvent.type(screen.getByLabelText('Your password'), '{Enter}');
    expect(sent).toEqual([]);
    await sure();
    await userEvent.click(ask);

    expect(await screen.findByText(/It will be erased on 3 December 2099/)).toBeVisible();
    expect(sent).toEqual([
      { method: 'POST', path: '/api/v1/people/l1/erasure', body: { current_password: 'Tumaini-7' } },
    ]);
    expect(screen.getByText('aB-c_1')).toBeVisible();
    expect(screen.getByRole('link', { name: 'Open the receipt' })).toHaveAttribute('href', '/erasure/aB-c_1');
  });

  it('needs a reason from those who act on paper, and no password', async () => {
    show(<PersonalData person="l1" name="Amina Ekai" onPaper />, { role: 'admin' });
    await userEvent.click(await button('Erase everything'));
    expect(screen.queryByLabelText('Your password')).toBeNull();
    await sure();
    await userEvent.type(screen.getByLabelText('Why it is erased, and who asked'), '   ');
    expect(await button('Ask for the erasure')).toBeDisabled();
    await userEvent.type(screen.getByLabelText('Why it is erased, and who asked'), 'The mother wrote ');
    await userEvent.click(await button('Ask for the erasure'));
    await waitFor(() => expect(sent.map(({ body }) => body)).toEqual([{ reason: 'The mother wrote' }]));
  });

  it('goes on after a wrong password', async () => {
    refusal = { status: 422, code: 'wrong_password' };
    show(<PersonalData person="me" />);
    await userEvent.click(await button('Erase everything'));
    expect(screen.getByText(/Your children's data stays/)).toBeVisible();
    await userEvent.type(screen.getByLabelText('Your password'), 'x');
    await sure();
    await userEvent.click(await button('Ask for the erasure'));
    expect(await screen.findByRole('alert')).toHaveTextContent('password is not right');
    expect(await button('Ask for the erasure')).toBeEnabled();
    expect(sent).toHaveLength(1);
  });

  it('can be taken back while it waits', async () => {
    standing = REQUEST;
    show(<PersonalData person="me" />);
    await userEvent.click(await button('Take it back'));
    expect(await screen.findByText('Taken back. Nothing is erased.')).toBeVisible();
    expect(sent).toEqual([{ method: 'DELETE', path: '/api/v1/people/me/erasure', body: null }]);
    expect(await button('Erase everything')).toBeVisible();
  });

  it('cannot be taken back once it is done', async () => {
    standing = { ...REQUEST, done_at: '2020-01-02T08:00:00Z' };
    show(<PersonalData person="me" />);
    expect(await screen.findByText(/Erased on 2 January 2020/)).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Take it back' })).toBeNull();
  });

  it('offers to try again when the service cannot be reached', async () => {
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('Failed to fetch');
    });
    show(<PersonalData person="me" />);
    expect(await button('Try again')).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Erase everything' })).toBeNull();
  });

  it.each([
    ['student', 'school', {}, /Your parent or guardian/],
    ['student', 'cloud', { at_home: true }, /Your parent or guardian/],
    ['student', 'cloud', { school_id: 's' }, /Your parent or guardian/],
    ['instructor', 'school', {}, /sign in at the cloud/],
  ] as const)('is for somebody else, or elsewhere: %s, %s %j', async (role, side, more, words) => {
    show(<PersonalData person="me" />, { role, side, more });
    expect(await screen.findByText(words)).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Erase everything' })).toBeNull();
  });
});
