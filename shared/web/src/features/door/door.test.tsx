import { QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import axe from 'axe-core';
import type { ReactElement } from 'react';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me } from '../../api/types';
import { switchLanguage } from '../../i18n';
import en from '../../i18n/en.json';
import sw from '../../i18n/sw.json';
import { useConnection } from '../../offline/connection';
import { PinEntry } from '../identity/PinEntry';
import { useSession } from '../identity/session';
import { ClassDoor } from './ClassDoor';
import { IDLE_MS, Idle, WARN_MS } from './Idle';
import { Names } from './Names';
import { PICTURES } from './Picture';
import { Recover, Renew, SetSchoolPassword } from './Redeem';
import { remember, remembered } from './remembered';
import { SchoolCode } from './SchoolCode';
import { Sheets } from './Sheets';

type Told = [string, string, Record<string, unknown>];

/** A school's box that remembers what it was told. */
function serve(answers: Record<string, unknown> = {}) {
  const box = { told: [] as Told[], open: ['4 Blue'], locked: ['amina'], refuse: '' };
  const learner = (id: string, full_name: string, has_pin: boolean, has_pictures: boolean) => ({
    id,
    full_name,
    name: full_name,
    class_name: '4 Blue',
    grade: 'Grade 4',
    status: 'active',
    has_pin,
    has_pictures,
  });
  const learners = [
    learner('amina', 'Amina O.', false, true),
    learner('baraka', 'Baraka J.', true, true),
    learner('chebet', 'Chebet K.', true, false),
    learner('daudi', 'Daudi L.', false, false),
  ];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = url.replace('/api/v1', '').replace(/\?.*/, '');
    const method = init.method ?? 'GET';
    if (method !== 'GET') box.told.push([method, path, init.body ? JSON.parse(String(init.body)) : {}]);
    if (box.refuse && method !== 'GET') {
      return new Response(JSON.stringify({ status: 401, code: box.refuse, detail: 'raw' }), { status: 401 });
    }
    const known: Record<string, unknown> = {
      '/auth/classes': {
        school_id: 's',
        school_name: 'Lodwar',
        classes: [{ id: 'c', name: '4 Blue', learners: 4 }],
      },
      '/auth/classes/c/learners': { learners },
      '/auth/door': { open_classes: box.open, teachers_until: null, learners_until: null, warn: false },
      '/schools/s/learners': { learners, total: learners.length },
      '/door/locked': { learners: box.locked },
      '/auth/pictures': { access_token: 'a', refresh_token: 'r', token_type: 'bearer', expires_in: 1800 },
      '/auth/pin': { access_token: 'a', refresh_token: 'r', token_type: 'bearer', expires_in: 1800 },
      '/auth/me': { id: 'amina', role: 'student', profile_data: { full_name: 'Amina O.' } },
      ...answers,
    };
    return new Response(JSON.stringify(known[path] ?? {}));
  });
  return box;
}

function show(page: ReactElement, path = '/', route = '/') {
  queryClient.clear();
  return render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={[path]}>
        <Routes>
          <Route path={route} element={page} />
          <Route path="*" element={<p>elsewhere</p>} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

const entry = (learner: string) =>
  show(<PinEntry />, `/sign-in/classes/c/${learner}`, '/sign-in/classes/:class/:learner');

const teacher = (duties: string[] = []) =>
  useSession.setState({
    state: 'in',
    me: {
      id: 't',
      role: 'instructor',
      school_id: 's',
      duties,
      profile_data: { full_name: 'Tom' },
    } as unknown as Me,
  });

async function clean(container: Element) {
  const { violations } = await axe.run(container, { rules: { 'color-contrast': { enabled: false } } });
  expect(violations.map((v) => v.id)).toEqual([]);
}

const tap = async (...names: (string | RegExp)[]) => {
  for (const name of names) await userEvent.click(await screen.findByRole('button', { name }));
};

beforeEach(() => {
  localStorage.clear();
  useSession.setState({ state: 'out', me: null });
});
afterEach(async () => {
  cleanup();
  vi.unstubAllGlobals();
  await switchLanguage('en');
});

describe("a child's sign-in", () => {
  it('is three taps on pictures, in their order, and the name is remembered', async () => {
    const box = serve();
    const { container } = entry('amina');
    await screen.findByRole('button', { name: 'sun' });
    await clean(container);
    await tap('key', 'sun', 'fish');
    await waitFor(() => expect(useSession.getState().me?.id).toBe('amina'));
    expect(box.told).toEqual([
      ['POST', '/auth/pictures', { learner_id: 'amina', pictures: ['key', 'sun', 'fish'] }],
    ]);
    expect(remembered()).toEqual([{ id: 'amina', name: 'Amina O.', classId: 'c' }]);
  });

  it('shows how many pictures were tapped and never which', async () => {
    serve();
    entry('amina');
    await tap('key', 'sun');
    expect(screen.getByRole('status')).toHaveTextContent('2 pictures chosen');
    expect(screen.getByRole('status')).not.toHaveTextContent('key');
    await tap('Start again');
    expect(screen.getByRole('status')).toHaveTextContent('0 pictures chosen');
  });

  it('starts anew after wrong pictures, and remembers nobody', async () => {
    const box = serve();
    box.refuse = 'wrong_pictures';
    entry('amina');
    await tap('key', 'sun', 'fish');
    expect(await screen.findByText(/These are not your pictures/)).toBeInTheDocument();
    expect(screen.getByRole('button', { name: 'key' })).toBeEnabled();
    expect(remembered()).toEqual([]);
  });

  it('offers the PIN to who has both, with one tap', async () => {
    serve();
    entry('baraka');
    await tap('Use my PIN');
    expect(screen.getByRole('button', { name: '7' })).toBeInTheDocument();
    await tap('Use my pictures');
    expect(screen.getByRole('button', { name: 'drum' })).toBeInTheDocument();
  });

  it('is by PIN on a device that no teacher opened, and says why pictures are not there', async () => {
    const box = serve();
    box.open = [];
    entry('baraka');
    expect(await screen.findByRole('button', { name: '7' })).toBeInTheDocument();
    cleanup();
    entry('amina');
    expect(await screen.findByText(/Ask your teacher to open it/)).toBeInTheDocument();
    expect(screen.queryByRole('button', { name: 'sun' })).not.toBeInTheDocument();
    cleanup();
    entry('daudi');
    expect(await screen.findByText(/You have no PIN and no pictures yet/)).toBeInTheDocument();
  });

  it('names every picture in both languages', () => {
    expect(PICTURES).toHaveLength(12);
    for (const name of PICTURES) {
      const key = `picture.${name}` as keyof typeof en;
      expect(en[key]).toBeTruthy();
      expect(sw[key]).toBeTruthy();
      expect(en[key]).not.toBe(sw[key]);
    }
    expect(new Set(PICTURES.map((n) => sw[`picture.${n}` as keyof typeof sw])).size).toBe(12);
  });
});

describe('a phone of three brothers', () => {
  it('lists them, the latest first, keeps no secret, and forgets who is taken off', async () => {
    for (const id of ['a', 'b', 'c', 'a']) remember({ id, name: `Name ${id}`, classId: 'c' });
    expect(remembered().map((r) => r.id)).toEqual(['a', 'c', 'b']);
    const { container } = show(<Names />);
    await clean(container);
    expect(screen.getAllByRole('link')[0]).toHaveAttribute('href', '/sign-in/classes/c/a');
    await tap('Take Name c off this device');
    expect(screen.getAllByRole('link')).toHaveLength(2);
    for (let i = 0; i < 20; i++) remember({ id: `x${i}`, name: 'X', classId: 'c' });
    expect(remembered()).toHaveLength(6);
    localStorage.setItem('uhs.names', 'nonsense');
    expect(remembered()).toEqual([]);
  });
});

describe('a device that nobody touches', () => {
  const idle = (path: string) => {
    serve();
    teacher();
    vi.useFakeTimers({ shouldAdvanceTime: true });
    show(<Idle />, path, path);
  };
  const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
  beforeEach(() => useConnection.setState({ status: { side: 'school' } as never }));
  afterEach(() => {
    vi.useRealTimers();
    useConnection.setState({ status: null });
  });

  it('warns, and signs out after twenty minutes', async () => {
    idle('/');
    await pass(IDLE_MS - WARN_MS - 10_000);
    expect(screen.queryByRole('alert')).not.toBeInTheDocument();
    await pass(20_000);
    expect(screen.getByRole('alert')).toHaveTextContent('Are you still there?');
    await pass(WARN_MS);
    expect(useSession.getState().state).toBe('out');
  });

  it('goes on at a touch', async () => {
    idle('/');
    await pass(IDLE_MS - 60_000);
    expect(screen.getByRole('alert')).toBeInTheDocument();
    fireEvent.pointerDown(window);
    expect(screen.queryByRole('alert')).not.toBeInTheDocument();
    await pass(IDLE_MS - WARN_MS - 10_000);
    expect(useSession.getState().state).toBe('in');
  });

  it('never signs out during an attempt', async () => {
    idle('/quizzes/q1');
    await pass(3 * IDLE_MS);
    expect(useSession.getState().state).toBe('in');
    expect(screen.queryByRole('alert')).not.toBeInTheDocument();
  });

  it("leaves a parent's own phone alone", async () => {
    useConnection.setState({ status: { side: 'cloud' } as never });
    idle('/');
    await pass(3 * IDLE_MS);
    expect(useSession.getState().state).toBe('in');
  });
});

describe("the teacher's page of a class", () => {
  const cards = {
    '/learners/cards': {
      cards: [
        {
          learner_id: 'amina',
          full_name: 'Amina O.',
          class_name: '4 Blue',
          kind: 'pictures',
          pictures: ['sun', 'fish', 'key'],
        },
        { learner_id: 'chebet', full_name: 'Chebet K.', class_name: '4 Blue', kind: 'pin', pin: '4711' },
      ],
    },
  };

  it('gives new pictures in one tap and shows them on a card', async () => {
    const box = serve(cards);
    teacher();
    const { container } = show(<ClassDoor />);
    await screen.findByText('Amina O.');
    await clean(container);
    await tap('New pictures for Amina O.');
    const sheet = within(await screen.findByRole('region', { name: 'Cards' }));
    expect(sheet.getByText('1. sun')).toBeInTheDocument();
    expect(sheet.getByText('4711')).toBeInTheDocument();
    expect(sheet.getAllByText(window.location.host)).toHaveLength(2);
    expect(box.told).toEqual([['POST', '/learners/cards', { kind: 'pictures', learners: ['amina'] }]]);
    await clean(container);
    await tap('Done');
    expect(screen.queryByText('4711')).not.toBeInTheDocument();
  });

  it('makes cards of the whole class, and opens one who is locked out with one tap', async () => {
    const box = serve(cards);
    teacher();
    show(<ClassDoor />);
    await tap('Let Amina O. try again');
    await tap('PINs for everybody');
    await waitFor(() => expect(box.told).toHaveLength(2));
    expect(box.told[0]?.slice(0, 2)).toEqual(['POST', '/learners/amina/unlock']);
    expect(box.told[1]?.[2]).toEqual({ kind: 'pin', learners: ['amina', 'baraka', 'chebet', 'daudi'] });
  });

  it('opens this device, or the network, and closes both', async () => {
    const box = serve();
    teacher();
    show(<ClassDoor />);
    expect(await screen.findByText('The pictures of this class work on this device.')).toBeInTheDocument();
    await tap('Open this device for a term', 'Open all devices at school for today', 'Close');
    await waitFor(() => expect(box.told).toHaveLength(3));
    expect(box.told.map(([method, , body]) => [method, body.reach])).toEqual([
      ['POST', 'device'],
      ['POST', 'network'],
      ['DELETE', undefined],
    ]);
  });

  it('says in its own words what went wrong, and that a class is empty', async () => {
    const box = serve();
    box.refuse = 'no_such_account';
    teacher();
    show(<ClassDoor />);
    await tap('New PIN for Chebet K.');
    expect(await screen.findByRole('alert')).not.toHaveTextContent('raw');
    cleanup();
    serve({ '/schools/s/learners': { learners: [], total: 0 } });
    show(<ClassDoor />);
    expect(await screen.findByText(en['class.none'])).toBeInTheDocument();
  });
});

describe('codes', () => {
  it('of the cloud are shown once, to be typed at the box', async () => {
    serve({ '/auth/school-code': { code: 'AAAA-BBBB-CCCC-DDDD', until: '2026-12-03T08:00:00Z' } });
    const { container } = show(<SchoolCode />);
    await tap('Get a code');
    expect(await screen.findByText('AAAA-BBBB-CCCC-DDDD')).toBeInTheDocument();
    await clean(container);
  });

  it('set a password at the box', async () => {
    const box = serve();
    const { container } = show(<SetSchoolPassword />);
    await clean(container);
    await userEvent.type(screen.getByLabelText('Code of the cloud'), 'aaaa bbbb');
    await userEvent.type(screen.getByLabelText('E-mail'), 'tom@example.org');
    await userEvent.type(screen.getByLabelText('New school password'), 'New-Secret-2027');
    await tap('Set the password');
    expect(await screen.findByText(/The new password is set/)).toBeInTheDocument();
    expect(box.told[0]?.[2]).toEqual({
      email: 'tom@example.org',
      password: 'New-Secret-2027',
      code: 'aaaa bbbb',
    });
  });

  it('of two people set a forgotten one', async () => {
    const box = serve();
    const { container } = show(<Recover />);
    await userEvent.selectOptions(screen.getByLabelText('Who is there?'), 'Two people with two sheets');
    await clean(container);
    await userEvent.type(screen.getByLabelText('E-mail'), 'tom@example.org');
    await userEvent.type(screen.getByLabelText('New school password'), 'New-Secret-2027');
    await userEvent.type(screen.getByLabelText('Recovery code'), 'one');
    await userEvent.type(screen.getByLabelText("Code of the second person's sheet"), 'two');
    await tap('Set the password');
    await waitFor(() => expect(box.told[0]?.[2]).toMatchObject({ codes: ['one', 'two'] }));
    expect(box.told[0]?.[2]).not.toHaveProperty('admin_email');
  });

  it('say in both languages that they are wrong', async () => {
    const box = serve();
    box.refuse = 'wrong_door_code';
    show(<Renew />);
    await userEvent.type(screen.getByLabelText("Code of the head's sheet"), 'zzz');
    await tap('Go on');
    expect(await screen.findByRole('alert')).toHaveTextContent('This code is not valid here.');
    await act(() => switchLanguage('sw'));
    expect(screen.getByRole('alert')).toHaveTextContent('Msimbo huu haufanyi kazi hapa.');
  });

  it('are printed on a sheet that is shown once', async () => {
    const box = serve({
      '/schools/s/instructors': { instructors: [{ id: 'ann', full_name: 'Ann', duties: [] }] },
    });
    const codes = ['AAAA-BBBB-CCCC', 'DDDD-EEEE-FFFF'];
    const answer = globalThis.fetch;
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) =>
      url.endsWith('/recovery-sheets')
        ? new Response(
            JSON.stringify(
              init.method === 'POST'
                ? { holder_name: 'Ann', at: '2026-11-26T08:00:00Z', codes }
                : {
                    sheets: [
                      { holder_id: 'ann', holder_name: 'Ann B.', at: '2026-11-26T08:00:00Z', left: 9 },
                    ],
                  },
            ),
          )
        : answer(url, init),
    );
    teacher(['head']);
    const { container } = show(<Sheets />);
    expect(await screen.findByText(/9 codes left/)).toBeInTheDocument();
    await userEvent.selectOptions(await screen.findByLabelText('Who keeps it'), 'Ann');
    await clean(container);
    await tap('Make the sheet');
    expect(await screen.findByText('DDDD-EEEE-FFFF')).toBeInTheDocument();
    await tap('Done');
    expect(screen.queryByText('DDDD-EEEE-FFFF')).not.toBeInTheDocument();
    expect(box.told).toEqual([]);
  });
});
