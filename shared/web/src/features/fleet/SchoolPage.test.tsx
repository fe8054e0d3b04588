import { QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me, Role, SchoolInstructor } from '../../api/types';
import { useSession } from '../identity/session';
import { SchoolPage } from './SchoolPage';

const LICENCE_REFUSED = { status: 409, code: 'school_without_box', detail: 'raw English of the service' };

const LINE = {
  metered: false,
  every_minutes: 0,
  day_mb: 0,
  month_mb: 100,
  shillings_per_mb: 0.5,
  windows: [{ from: 1320, to: 300, days: 0 }],
  today_bytes: 1_500_000,
  month_bytes: 20_000_000,
  month_shillings: 10,
};

/** A cloud with one school, which remembers what it was told. */
function serve() {
  const instructors: SchoolInstructor[] = [
    {
      id: 'akal',
      full_name: 'Akal Ewoton',
      email: 'akal@example.org',
      status: 'active',
      duties: ['bursar'],
      has_school_password: false,
    },
  ];
  const cloud = { named: '', told: [] as [string, string, unknown][] };
  const answer = (path: string, method: string, body: { duty?: string; active?: boolean }): unknown => {
    if (method !== 'GET') cloud.told.push([method, path, body]);
    if (path.endsWith('/duties') && instructors[0]) {
      instructors[0].duties = body.active ? ['bursar', String(body.duty)] : [];
    }
    if (path.endsWith('/named-adult')) cloud.named = 'akal';
    if (path.endsWith('/instructors')) return { instructors };
    if (path.endsWith('/learners')) {
      return {
        learners: [{ id: 'akiru', full_name: 'Akiru Lokwang', grade: 'Grade 6', class_name: '6 Blue' }],
      };
    }
    if (path.endsWith('/licences')) return { licences: [] };
    if (path.endsWith('/line')) return { ...LINE, ...body };
    if (path.endsWith('/boxes')) return { boxes: [], held: [], replacements: [] };
    if (path.endsWith('/fleet/s')) return { school_id: 's', status: 'late' };
    if (path.endsWith('/fleet')) throw new Error('one school needs no list of all');
    if (path.includes('/courses/'))
      return { courses: [{ id: 'c', title: 'Fractions', grade_levels: ['Grade 6'] }] };
    return {
      id: 's',
      name: 'Kawalase',
      code: 'K-1',
      language: 'en',
      named_adult_id: cloud.named || undefined,
    };
  };
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = url.replace(/\?.*/, '');
    const method = init.method ?? 'GET';
    const body = init.body ? JSON.parse(String(init.body)) : {};
    if (method === 'POST' && path.endsWith('/licences')) {
      return new Response(JSON.stringify(LICENCE_REFUSED), { status: LICENCE_REFUSED.status });
    }
    return new Response(JSON.stringify(answer(path, method, body)));
  });
  return cloud;
}

function open(role: Role, duties: string[] = []) {
  queryClient.clear();
  useSession.setState({
    state: 'in',
    me: {
      id: 'me',
      email: '',
      role,
      duties,
      school_id: 's',
      profile_data: { full_name: 'Me' },
    } as unknown as Me,
  });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={['/schools/s']}>
        <Routes>
          <Route path="/schools/:school" element={<SchoolPage />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

describe("a school's page", () => {
  afterEach(() => vi.unstubAllGlobals());

  it('lets the head give a duty and name the trusted adult', async () => {
    const cloud = serve();
    open('instructor', ['head']);
    expect(await screen.findByText(/Nobody is named yet/)).toBeInTheDocument();
    // The form for a new teacher, closed, has the same duties.
    const row = within(screen.getByText('Akal Ewoton').closest('details') as HTMLElement);
    await userEvent.click(screen.getByText('Akal Ewoton'));
    await userEvent.click(row.getByRole('checkbox', { name: 'Looks after the box' }));
    await waitFor(() => expect(row.getByRole('checkbox', { name: 'Looks after the box' })).toBeChecked());
    await userEvent.click(row.getByRole('button', { name: 'Choose as the trusted adult' }));
    expect(await screen.findByText('Told of a child in danger')).toBeInTheDocument();
    expect(screen.queryByText(/Nobody is named yet/)).not.toBeInTheDocument();
    expect(cloud.told.map(([, path, body]) => [path.split('/').at(-1), body])).toEqual([
      ['duties', { account_id: 'akal', duty: 'site_admin', active: true }],
      ['named-adult', { account_id: 'akal' }],
    ]);
  });

  it('gives a learner a new PIN', async () => {
    const cloud = serve();
    open('instructor');
    await userEvent.click(await screen.findByRole('button', { name: 'New PIN for Akiru Lokwang' }));
    await userEvent.type(screen.getByLabelText('PIN'), '4711');
    await userEvent.click(screen.getByRole('button', { name: 'Save' }));
    expect(await screen.findByText(/The school's box hears of it/)).toBeInTheDocument();
    expect(cloud.told).toEqual([['PUT', expect.stringMatching(/\/learners\/akiru\/pin$/), { pin: '4711' }]]);
  });

  it('shows a teacher without a duty the learners and nothing to manage', async () => {
    serve();
    open('instructor');
    expect(await screen.findByText('Akiru Lokwang')).toBeInTheDocument();
    for (const title of ['Teachers', 'Add a learner', "The school's box", 'Courses this box may hold']) {
      expect(screen.queryByText(title)).not.toBeInTheDocument();
    }
  });

  it.each([
    ['bursar', []],
    ['site_admin', ['Add a learner', 'Add a teacher', 'Link a guardian']],
    ['head', ['Add a learner', 'Add a teacher', 'Link a guardian']],
  ])('gives the %s the forms that the service accepts from her', async (duty, forms) => {
    serve();
    open('instructor', [duty]);
    await screen.findByText('Akiru Lokwang', { selector: 'span' });
    for (const form of ['Add a learner', 'Add a teacher', 'Link a guardian']) {
      expect(screen.queryAllByText(form), form).toHaveLength((forms as string[]).includes(form) ? 1 : 0);
    }
  });

  it('shows what the line carried and lets the admin set its budget and hours', async () => {
    const cloud = serve();
    open('admin');
    expect(await screen.findByText(/Used today: 1.5 MB; this month: 20 MB/)).toHaveTextContent(/10/);
    expect(screen.getByLabelText('From')).toHaveValue('22:00');
    expect(screen.getByLabelText('To')).toHaveValue('05:00');
    await userEvent.click(screen.getByRole('checkbox', { name: 'The line costs by the megabyte' }));
    const day = screen.getByLabelText('MB a day (0: no limit)');
    await userEvent.clear(day);
    await userEvent.type(day, '5');
    await userEvent.click(screen.getByRole('button', { name: 'Save' }));
    expect(await screen.findByText(/The box hears of it when it next connects/)).toBeInTheDocument();
    expect(cloud.told).toEqual([
      [
        'PUT',
        expect.stringMatching(/\/line$/),
        {
          metered: true,
          every_minutes: 0,
          day_mb: 5,
          month_mb: 100,
          shillings_per_mb: 0.5,
          windows: [{ from: 1320, to: 300, days: 0 }],
        },
      ],
    ]);
  });

  it('says how its box is, of however many schools it is one', async () => {
    serve();
    open('admin');
    expect(await screen.findByText('Late')).toBeInTheDocument();
  });

  it('keeps the hours that its form does not show', async () => {
    LINE.windows.push({ from: 720, to: 780, days: 0 });
    const cloud = serve();
    open('admin');
    const from = await screen.findByLabelText('From');
    fireEvent.change(from, { target: { value: '21:00' } });
    await userEvent.click(screen.getByRole('button', { name: 'Save' }));
    await screen.findByText(/The box hears of it when it next connects/);
    LINE.windows.pop();
    expect(cloud.told[0]?.[2]).toMatchObject({
      windows: [
        { from: 1260, to: 300 },
        { from: 720, to: 780 },
      ],
    });
  });

  it('says in its own words why a licence cannot be given', async () => {
    serve();
    open('admin');
    await userEvent.click(await screen.findByRole('button', { name: 'License Fractions' }));
    const alert = await screen.findByRole('alert');
    expect(within(alert).getByText('This school has no box yet. Claim the box first.')).toBeInTheDocument();
  });
});
