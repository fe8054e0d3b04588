import { QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me } from '../../api/types';
import { useSession } from '../identity/session';
import { Erasures } from './Erasures';
import { AuditLog, ErrorLog } from './Logs';
import { Office } from './Office';
import { People } from './People';
import { Permissions } from './Permissions';
import { Person } from './Person';

const ADMIN = [
  { feature: 'user_management', grades: ['full'] },
  { feature: 'permissions', grades: ['full'] },
  { feature: 'audit', grades: ['full'] },
  { feature: 'error_log', grades: ['full'] },
];
const USER = {
  id: 'u1',
  email: 'mary@example.org',
  first_name: 'Mary',
  last_name: 'Mother',
  role: 'parent',
  status: 'active',
  is_verified: true,
  last_login: null,
  created_at: '2026-11-01T08:00:00Z',
  updated_at: '2026-11-01T08:00:00Z',
  profile_data: { learning_style: null },
  parent_id: null,
  parent_name: null,
  activity: {
    last_login: null,
    total_sessions: 3,
    total_time_hours: 1.5,
    courses_enrolled: 2,
    courses_completed: 1,
  },
  restrictions: [] as object[],
};

interface Sent {
  method: string;
  path: string;
  body: unknown;
}

/** A cloud whose answers are by path; what is sent to it is kept. */
function open(
  at: string,
  options: { role?: string; powers?: object[]; answers?: Record<string, unknown> } = {},
) {
  const { role = 'admin', powers = ADMIN, answers = {} } = options;
  const sent: Sent[] = [];
  vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
    const { pathname, search } = new URL(url, 'http://cloud');
    const path = pathname.replace('/api/v1', '');
    const method = init?.method ?? 'GET';
    sent.push({ method, path: path + search, body: init?.body ? JSON.parse(String(init.body)) : undefined });
    if (path.endsWith('/erasure')) return new Response('{"code":"no_erasure"}', { status: 404 });
    const answer = path === '/auth/powers' ? { powers } : answers[`${method} ${path}`];
    if (answer === undefined)
      return new Response(JSON.stringify({ status: 404, detail: 'nothing', code: 'no_such_account' }), {
        status: 404,
      });
    return new Response(JSON.stringify(answer));
  });
  queryClient.clear();
  useSession.setState({ state: 'in', me: { id: 'me', role } as Me });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={[at]}>
        <Routes>
          <Route path="/office" element={<Office />} />
          <Route path="/office/people" element={<People />} />
          <Route path="/office/people/:id" element={<Person />} />
          <Route path="/office/permissions" element={<Permissions />} />
          <Route path="/office/audit" element={<AuditLog />} />
          <Route path="/office/erasures" element={<Erasures />} />
          <Route path="/office/errors" element={<ErrorLog />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  return sent;
}

describe('the office', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('shows the places that the table of permissions opens', async () => {
    open('/office');
    expect(await screen.findAllByRole('link')).toHaveLength(5);
  });

  it('shows staff what is lent to them, and says so when nothing is', async () => {
    open('/office', { role: 'staff', powers: [{ feature: 'audit', grades: ['view'] }] });
    expect(await screen.findByRole('link', { name: /Audit log/ })).toBeVisible();
    expect(screen.getAllByRole('link')).toHaveLength(1);
  });

  it('says when nothing is delegated', async () => {
    open('/office', { role: 'staff', powers: [] });
    expect(await screen.findByText('Nothing is delegated to you')).toBeVisible();
  });

  it('hides a page whose feature is not open', async () => {
    open('/office/people', { role: 'staff', powers: [] });
    expect(await screen.findByRole('heading', { name: /not/i })).toBeVisible();
    expect(screen.queryByLabelText(/Search/)).toBeNull();
  });

  it('searches and filters people by the address', async () => {
    const page = { data: { users: [USER], total: 1, page: 1, limit: 20, pages: 1 } };
    const sent = open('/office/people?role=parent', { answers: { 'GET /admin/users': page } });
    expect(await screen.findByRole('link', { name: 'Mary Mother' })).toHaveAttribute(
      'href',
      '/office/people/u1',
    );
    await userEvent.selectOptions(screen.getByLabelText('Status'), 'suspended');
    await waitFor(() =>
      expect(sent.at(-1)?.path).toMatch(/role=parent.*status=suspended|status=suspended.*role=parent/),
    );
  });

  it('changes a role with a reason and shows why it was refused', async () => {
    const sent = open('/office/people/u1', { answers: { 'GET /admin/users/u1': { data: USER } } });
    await userEvent.selectOptions(await screen.findByLabelText('Role'), 'partner');
    const reasons = screen.getAllByLabelText('Reason');
    await userEvent.type(reasons.at(-1) as HTMLElement, 'asked for it');
    await userEvent.click(screen.getByRole('button', { name: 'Change the role' }));
    expect(await screen.findByText('There is no such person.')).toBeVisible();
    expect(sent.find((s) => s.method === 'PUT')).toEqual({
      method: 'PUT',
      path: '/admin/users/u1/role',
      body: { new_role: 'partner', reason: 'asked for it' },
    });
  });

  it("leaves a person's data, and its end, to admins", async () => {
    const answers = { 'GET /admin/users/u1': { data: USER } };
    open('/office/people/u1', { answers });
    expect(await screen.findByRole('button', { name: 'Erase everything' })).toBeVisible();
    cleanup();
    open('/office/people/u1', { answers, role: 'staff' });
    expect(await screen.findByRole('heading', { name: 'Mary Mother' })).toBeVisible();
    expect(screen.queryByRole('heading', { name: 'Data about Mary Mother' })).toBeNull();
  });

  it('restricts for some days, and lifts', async () => {
    const restricted = {
      ...USER,
      restrictions: [
        {
          id: 'r1',
          restriction_type: 'ai_tutor_chat',
          reason: 'rude',
          starts_at: '2026-11-01T08:00:00Z',
          expires_at: null,
        },
      ],
    };
    const sent = open('/office/people/u1', {
      answers: {
        'GET /admin/users/u1': { data: restricted },
        'POST /admin/users/u1/restrict': { data: {} },
        'DELETE /admin/users/u1/restrictions/r1': { status: 'success', message: '' },
      },
    });
    expect(await screen.findByText(/until it is lifted/, { selector: 'span' })).toBeVisible();
    await userEvent.click(screen.getByRole('button', { name: 'Lift' }));
    await userEvent.type(screen.getAllByLabelText('Reason')[0] as HTMLElement, 'spam');
    await userEvent.click(screen.getByRole('button', { name: 'Restrict' }));
    await waitFor(() =>
      expect(sent.find((s) => s.method === 'POST')?.body).toEqual({
        restriction_type: 'sign_in',
        reason: 'spam',
        duration_days: 7,
        notify_user: true,
      }),
    );
    expect(sent.some((s) => s.method === 'DELETE')).toBe(true);
  });

  it('shows the table and what is lent', async () => {
    open('/office/permissions', {
      answers: {
        'GET /admin/permissions': {
          data: {
            roles: [{ name: 'student', description: '', permissions: [] }],
            features: [{ feature: 'audit', name: 'Audit Log', grades: { student: 'own' }, lendable: true }],
          },
        },
        'GET /admin/delegations': {
          data: [
            {
              id: 'd1',
              name: 'Sam Staff',
              feature: 'audit',
              grade: 'view',
              reason: 'holidays',
              until: '2027-01-01T00:00:00Z',
            },
          ],
        },
        'GET /admin/users': { data: { users: [], total: 0, page: 1, limit: 20, pages: 0 } },
      },
    });
    expect(await screen.findByRole('cell', { name: 'Own' })).toBeVisible();
    expect(await screen.findByText('Sam Staff')).toBeVisible();
    expect(await screen.findByText('There is no member of staff yet.')).toBeVisible();
  });

  const ERASURE = {
    person_id: 'u1',
    name: '',
    code: 'abc',
    asked_at: '2026-11-01T08:00:00Z',
    due_at: '2026-11-08T08:00:00Z',
    done_at: '2026-11-08T08:01:00Z',
    complete: false,
    stops: [] as object[],
    kept: [],
    backups_until: null,
  };

  it('shows how far every erasure is, and whose box it waits for', async () => {
    const stop = (school: string, erased_at: string | null) => ({ school, box: school !== '', erased_at });
    open('/office/erasures', {
      answers: {
        'GET /admin/erasures': {
          data: {
            total: 4,
            page: 1,
            limit: 20,
            erasures: [
              { ...ERASURE, person_id: 'u1', name: 'Mary Mother', code: 'c1', done_at: null },
              {
                ...ERASURE,
                person_id: 'u2',
                code: 'c2',
                stops: [stop('', ERASURE.done_at), stop('Lodwar', null), stop('Kakuma', ERASURE.done_at)],
              },
              { ...ERASURE, person_id: 'u3', code: 'c3', complete: true },
              { ...ERASURE, person_id: 'u4', code: '', complete: true },
            ],
          },
        },
      },
    });
    expect(await screen.findByRole('link', { name: 'Mary Mother' })).toHaveAttribute(
      'href',
      '/office/people/u1',
    );
    expect(screen.getAllByText('Waits seven days')).toHaveLength(1);
    expect(screen.getAllByText('Waits for boxes')).toHaveLength(1);
    expect(screen.getAllByText('Finished')).toHaveLength(2);
    expect(screen.getByText('The box of Lodwar')).toBeVisible();
    expect(screen.queryByText('The box of Kakuma')).toBeNull();
    expect(
      screen.getAllByRole('link', { name: 'Open the receipt' }).map((a) => a.getAttribute('href')),
    ).toEqual(['/erasure/c1', '/erasure/c2', '/erasure/c3']);
    expect(screen.getByText(/It has no receipt here/)).toBeVisible();
  });

  it('says so when nobody has asked for an erasure', async () => {
    open('/office/erasures', {
      answers: { 'GET /admin/erasures': { data: { total: 0, page: 1, limit: 20, erasures: [] } } },
    });
    expect(await screen.findByText('Nobody has asked for an erasure.')).toBeVisible();
  });

  it('shows no erasures to staff who were lent the users', async () => {
    open('/office/erasures', {
      role: 'staff',
      powers: [{ feature: 'user_management', grades: ['view', 'manage'] }],
    });
    expect(await screen.findByText('This page is not here')).toBeVisible();
  });

  it('shows what was before and after, and what was refused', async () => {
    const entry = {
      id: 'e1',
      action: 'user.role',
      actor: { id: 'a', name: 'Ada Admin', role: 'admin' },
      target: { type: 'user', id: 'u1', name: 'Mary Mother' },
      details: { before: { role: 'parent' }, after: { role: 'partner' }, status: 403 },
      ip_address: '192.0.2.7',
      timestamp: '2026-11-01T08:00:00Z',
    };
    open('/office/audit', {
      answers: {
        'GET /admin/operations/audit-logs': { data: { logs: [entry], total: 1, page: 1, limit: 20 } },
      },
    });
    expect(await screen.findByText(/role = parent/)).toBeVisible();
    expect(screen.getByText(/role = partner/)).toBeVisible();
    expect(screen.getByText('Refused (403)')).toBeVisible();
    expect(screen.getByText(/Ada Admin → Mary Mother/)).toBeVisible();
  });

  it('shows failures with how often they came', async () => {
    const failure = {
      id: 'f',
      kind: 'panic',
      method: 'POST',
      route: '/api/v1/x/{id}',
      message: 'nil map',
      place: 'shared/x.Y',
      version: 'v1',
      count: 12,
      request_id: 'r1',
      first_at: '2026-11-01T08:00:00Z',
      last_at: '2026-11-01T08:00:00Z',
    };
    open('/office/errors', {
      answers: {
        'GET /admin/operations/errors': { data: { errors: [failure], total: 1, page: 1, limit: 20 } },
      },
    });
    expect(await screen.findByText('12 times')).toBeVisible();
    expect(screen.getByText('Crash')).toBeVisible();
  });
});
