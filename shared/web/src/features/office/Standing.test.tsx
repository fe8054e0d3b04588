import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me } from '../../api/types';
import { useSession } from '../identity/session';
import { ErrorLog } from './Logs';
import { People } from './People';
import { Permissions } from './Permissions';
import { Person } from './Person';

interface Sent {
  method: string;
  path: string;
  body: unknown;
}

/** A cloud with one person, whose status follows what it is told. */
function open(at: string, status = 'active', powers = ['user_management']) {
  const sent: Sent[] = [];
  const state = { status, factor: true };
  vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
    const path = new URL(url, 'http://cloud').pathname.replace('/api/v1', '');
    const method = init?.method ?? 'GET';
    const body = init?.body ? JSON.parse(String(init.body)) : undefined;
    if (path.endsWith('/erasure')) return new Response('{"code":"no_erasure"}', { status: 404 });
    if (method !== 'GET' || !path.endsWith('/powers')) sent.push({ method, path, body });
    if (path.endsWith('/powers'))
      return new Response(
        JSON.stringify({ powers: powers.map((feature) => ({ feature, grades: ['full'] })) }),
      );
    if (path.endsWith('/second-factor')) {
      if (!state.factor)
        return new Response(JSON.stringify({ status: 404, detail: 'none', code: 'no_second_factor' }), {
          status: 404,
        });
      state.factor = false;
    }
    if (path.endsWith('/status')) state.status = body.status;
    if (method === 'DELETE' && path === '/admin/users/u1') state.status = 'deleted';
    if (path.endsWith('/restore')) state.status = 'active';
    const user = {
      id: 'u1',
      email: 'mary@example.org',
      first_name: 'Mary',
      last_name: 'Mother',
      role: 'staff',
      status: state.status,
      activity: {
        last_login: null,
        total_sessions: 3,
        total_time_hours: 1.5,
        courses_enrolled: 2,
        courses_completed: 1,
      },
      restrictions: [],
    };
    const answer = path === '/admin/users' && method === 'GET' ? { users: [user], total: 1 } : user;
    return new Response(JSON.stringify({ status: 'success', data: answer }));
  });
  queryClient.clear();
  useSession.setState({ state: 'in', me: { id: 'me', role: 'admin' } as Me });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={[at]}>
        <Routes>
          <Route path="/office/people" element={<People />} />
          <Route path="/office/people/:id" element={<Person />} />
          <Route path="/office/permissions" element={<Permissions />} />
          <Route path="/office/errors" element={<ErrorLog />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  return sent;
}

const changes = (sent: Sent[]) => sent.filter((s) => s.method !== 'GET');
const sure = () => userEvent.click(screen.getByRole('button', { name: 'Yes, do it' }));

describe("a person's account in the office", () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is suspended only after the words of what happens, and let in again', async () => {
    const sent = open('/office/people/u1');
    await userEvent.click(await screen.findByRole('button', { name: 'Suspend' }));
    expect(screen.getByText(/Ends all of this person's sign-ins at once/)).toBeVisible();
    expect(changes(sent)).toEqual([]);
    await sure();
    await userEvent.click(await screen.findByRole('button', { name: 'Let in again' }));
    expect(screen.queryByRole('button', { name: 'Suspend' })).toBeNull();
    await sure();
    expect(await screen.findByRole('button', { name: 'Suspend' })).toBeVisible();
    expect(screen.getByRole('status')).toHaveTextContent('Done: Let in again.');
    expect(changes(sent).map((s) => [s.method, s.path, s.body])).toEqual([
      ['PUT', '/admin/users/u1/status', { status: 'suspended' }],
      ['PUT', '/admin/users/u1/status', { status: 'active' }],
    ]);
  });

  it('is closed with a reason and opened again', async () => {
    const sent = open('/office/people/u1');
    await userEvent.click(await screen.findByRole('button', { name: 'Close the account' }));
    const form = within(screen.getByRole('form', { name: 'Close the account' }));
    await userEvent.type(form.getByLabelText('Reason'), ' left us ');
    await sure();
    await userEvent.click(await screen.findByRole('button', { name: 'Open the account again' }));
    expect(screen.queryByRole('button', { name: 'Close the account' })).toBeNull();
    await sure();
    expect(await screen.findByRole('button', { name: 'Close the account' })).toBeVisible();
    expect(changes(sent).map((s) => [s.method, s.path, s.body])).toEqual([
      ['DELETE', '/admin/users/u1', { reason: 'left us' }],
      ['POST', '/admin/users/u1/restore', undefined],
    ]);
  });

  it('loses its second factor after a warning, and says when there is none', async () => {
    const sent = open('/office/people/u1');
    await userEvent.click(await screen.findByRole('button', { name: 'Reset the second factor' }));
    expect(screen.getByText(/First make sure that it is really this person/)).toBeVisible();
    await sure();
    expect(await screen.findByText('Done: Reset the second factor.')).toBeVisible();
    await userEvent.click(screen.getByRole('button', { name: 'Reset the second factor' }));
    await sure();
    expect(await screen.findByText('No second factor is set up.')).toBeVisible();
    expect(changes(sent)).toHaveLength(2);
  });

  it('can be left as it is', async () => {
    const sent = open('/office/people/u1');
    await userEvent.click(await screen.findByRole('button', { name: 'Suspend' }));
    await userEvent.click(screen.getByRole('button', { name: 'Cancel' }));
    expect(await screen.findByRole('button', { name: 'Suspend' })).toBeVisible();
    expect(changes(sent)).toEqual([]);
  });
});

describe('a new person', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is invited by an admin, as staff or admin too', async () => {
    const sent = open('/office/people');
    await userEvent.click(await screen.findByText('New person'));
    await userEvent.type(screen.getByLabelText('Name'), 'Sam Staff');
    await userEvent.type(screen.getByLabelText('E-mail'), 'sam@example.org');
    const form = within(screen.getByText('New person').closest('details') as HTMLElement);
    await userEvent.selectOptions(form.getByLabelText('Role'), 'Admin');
    await userEvent.selectOptions(form.getByLabelText('Language of letters'), 'Kiswahili');
    expect(screen.getByText(/set up a second factor when they first sign in/)).toBeVisible();
    await userEvent.click(screen.getByRole('button', { name: 'Open the account and send the invitation' }));
    expect(await screen.findByText(/The account of Sam Staff is open/)).toHaveTextContent('sam@example.org');
    await waitFor(() => expect(screen.getByLabelText('Name')).toHaveValue(''));
    expect(changes(sent)).toEqual([
      {
        method: 'POST',
        path: '/admin/users',
        body: {
          email: 'sam@example.org',
          role: 'admin',
          language: 'sw',
          profile_data: { full_name: 'Sam Staff' },
        },
      },
    ]);
  });
});

describe('a page of the office that is not open to somebody', () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each(['/office/people/u1', '/office/permissions', '/office/errors'])(
    'asks for nothing: %s',
    async (at) => {
      const sent = open(at, 'active', []);
      expect(await screen.findByRole('heading', { name: 'This page is not here' })).toBeVisible();
      expect(sent).toEqual([]);
    },
  );
});
