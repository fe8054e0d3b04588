import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { session } from '../../api';
import { queryClient } from '../../api/query';
import { useMe, useSession } from '../identity/session';
import { AddChild } from './AddChild';
import { Family } from './Family';
import { LearnAs } from './LearnAs';
import { picturesOf } from './pictures';

const CHILDREN = [
  { id: 'amina', full_name: 'Amina Otieno', grade: 'Grade 4' },
  { id: 'brian', full_name: 'Brian Otieno', grade: 'Grade 1' },
];
const PEOPLE: Record<string, unknown> = {
  mary: { id: 'mary', role: 'parent', is_active: true, profile_data: { full_name: 'Mary Otieno' } },
  amina: { ...person('amina', 'Amina Otieno') },
  brian: { ...person('brian', 'Brian Otieno') },
};

function person(id: string, name: string) {
  return { id, role: 'student', is_active: true, at_home: true, profile_data: { full_name: name } };
}

/** A cloud whose tokens are the names of people; the parent has a password and a second factor. */
function serve() {
  const told: [string, unknown][] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = url.replace('/api/v1', '');
    const who = String((init.headers as Record<string, string>).Authorization ?? '').replace('Bearer ', '');
    const body = init.body ? JSON.parse(String(init.body)) : undefined;
    if (init.method === 'POST') told.push([path, body]);
    const tokens = (name: string) =>
      json({ access_token: name, refresh_token: name, token_type: 'bearer', expires_in: 60 });
    if (path.startsWith('/home/children/')) return tokens(path.split('/')[3] ?? '');
    if (path === '/home/return') {
      if (body.password !== 'right') return json({ status: 401, code: 'wrong_password' }, 401);
      return body.code === '123456' ? tokens('mary') : json({ status: 401, code: 'second_factor' }, 401);
    }
    if (path === '/parent/children') {
      if (body.code !== 'ABCD-EFGH-JKMN') return json({ status: 404, code: 'code_not_here' }, 404);
      return json({ id: 'brian', full_name: 'Brian Otieno' }, 201);
    }
    if (path === '/home/family') return json({ guardian_name: 'Mary Otieno', children: CHILDREN });
    return json(PEOPLE[who]);
  });
  return told;
}

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

const Home = () => <p>home of {useMe().id}</p>;

async function open(who: string, at: string) {
  queryClient.clear();
  session.write({ access_token: who, refresh_token: who, token_type: 'bearer', expires_in: 60 });
  useSession.setState({ state: 'in', me: PEOPLE[who] as never });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={[at]}>
        <Routes>
          <Route path="/" element={<Home />} />
          <Route path="/family" element={<Family />} />
          <Route path="/children" element={<LearnAs child="amina" name="Amina Otieno" />} />
          <Route path="/add" element={<AddChild />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

describe('the phone of a family', () => {
  afterEach(() => {
    session.clear();
    vi.unstubAllGlobals();
  });

  it('goes from the parent to a child', async () => {
    const told = serve();
    await open('mary', '/children');
    await userEvent.click(screen.getByRole('button', { name: 'Learn as Amina' }));
    expect(await screen.findByText('home of amina')).toBeInTheDocument();
    expect(session.read()?.access_token).toBe('amina');
    expect(told.map(([path]) => path)).toEqual(['/home/children/amina/session']);
  });

  it('lets a child hand it to her brother, of whom nothing of hers is left', async () => {
    const told = serve();
    await open('amina', '/family');
    queryClient.setQueryData(['results'], 'of Amina');
    const brian = await screen.findByRole('button', { name: 'Brian' });
    const amina = screen.getByRole('button', { name: /Amina.*learning now/ });
    expect(amina).toBeDisabled();
    const picture = (tile: HTMLElement) => tile.querySelector('[data-picture]')?.getAttribute('data-picture');
    expect(picture(brian)).not.toBe(picture(amina));

    await userEvent.click(brian);
    expect(await screen.findByText('home of brian')).toBeInTheDocument();
    expect(queryClient.getQueryData(['results'])).toBeUndefined();
    expect(told.map(([path]) => path)).toEqual(['/home/children/brian/session']);
  });

  it('goes back to the parent for her password and the code of her second factor', async () => {
    const told = serve();
    await open('amina', '/family');
    await userEvent.click(await screen.findByText('Back to Mary', { selector: 'summary' }));
    const form = within(screen.getByLabelText('Password of Mary').closest('form') as HTMLElement);
    const submit = () => userEvent.click(form.getByRole('button'));
    await userEvent.type(form.getByLabelText('Password of Mary'), 'wrong');
    await submit();
    expect(await form.findByRole('alert')).toBeInTheDocument();
    expect(session.read()?.access_token).toBe('amina');

    await userEvent.clear(form.getByLabelText('Password of Mary'));
    await userEvent.type(form.getByLabelText('Password of Mary'), 'right');
    await submit();
    await userEvent.type(await form.findByRole('textbox'), '123456');
    expect(form.queryByRole('alert')).not.toBeInTheDocument();
    await submit();
    expect(await screen.findByText('home of mary')).toBeInTheDocument();
    expect(told.at(-1)).toEqual(['/home/return', { password: 'right', code: '123456' }]);
  });

  it('adds a child by the code of her school', async () => {
    serve();
    await open('mary', '/add');
    const field = screen.getByLabelText('Code from the school');
    await userEvent.type(field, 'nonsense');
    await userEvent.click(screen.getByRole('button', { name: 'Add a child' }));
    expect(await screen.findByText(/This code is not known here yet/)).toBeInTheDocument();
    await userEvent.clear(field);
    await userEvent.type(field, 'ABCD-EFGH-JKMN');
    await userEvent.click(screen.getByRole('button', { name: 'Add a child' }));
    expect(await screen.findByText('Brian Otieno is linked to your account.')).toBeInTheDocument();
    expect(field).toHaveValue('');
  });

  it('gives twelve children twelve pictures', () => {
    const family = Array.from({ length: 12 }, (_, i) => ({ id: `child-${i}` }));
    expect(new Set(picturesOf(family).values()).size).toBe(12);
    expect(picturesOf([...family].reverse())).toEqual(picturesOf(family));
  });
});
