import { QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me } from '../../api/types';
import { useSession } from '../identity/session';
import { Typing } from './Typing';
import { keepTyped } from './typed';

interface Sent {
  id: string;
  full_name: string;
  class_name: string;
  grade: string;
  admission_number?: string;
}

const line = (name: string, adm = '') => ({
  id: name,
  full_name: name,
  class_name: '4 Blue',
  grade: 'Grade 4',
  admission_number: adm,
  age: null,
  waiting: false,
});

/** A school's box with one class; it refuses whom it is told to refuse, and can be out of reach. */
function serve() {
  const box = { sent: [] as Sent[], refuse: '', away: false };
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    if (box.away && init.method === 'POST') throw new TypeError('no network');
    if (init.method === 'POST') {
      const body = JSON.parse(String(init.body)) as Sent;
      if (body.full_name === box.refuse) {
        return new Response(JSON.stringify({ status: 422, code: 'bad_name' }), { status: 422 });
      }
      box.sent.push(body);
      return new Response('{}', { status: 201 });
    }
    if (url.endsWith('/classes')) {
      // Nobody made the class: its grade is that of its learners.
      const c = { id: 'c', name: '4 Blue', grade: '', active: true, learners: 1, teacher_id: 'me' };
      return new Response(JSON.stringify({ classes: [c] }));
    }
    return new Response(JSON.stringify({ learners: [line('Otieno Mary', 'A-1')] }));
  });
  return box;
}

function open() {
  queryClient.clear();
  useSession.setState({
    state: 'in',
    me: { id: 'me', role: 'instructor', duties: [], school_id: 's' } as unknown as Me,
  });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={['/roster/type']}>
        <Routes>
          <Route path="/roster/type" element={<Typing />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

const field = () => screen.findByLabelText(/^Name \d+$/);
const save = () => screen.getByRole('button', { name: /^Save \d+ learner/ });
const choose = async () => userEvent.selectOptions(await screen.findByLabelText('Class'), '4 Blue');
async function type(text: string) {
  await userEvent.click(await field());
  for (const [i, part] of text.split('{Enter}').entries()) {
    if (i > 0) await userEvent.keyboard('{Enter}');
    if (part) await userEvent.paste(part);
  }
}

describe('typing a class', () => {
  beforeEach(() => keepTyped({ key: 'me/s', grade: '', className: '', rows: [], text: '' }));
  afterEach(() => vi.unstubAllGlobals());

  it('keeps every name, and the half of one, over a reload', async () => {
    serve();
    open();
    await choose();
    await type('Achieng Otieno, 1234{Enter}Baraka Juma{Enter}Cher');
    await screen.findByText('Kept on this device.');
    cleanup(); // as when the battery died: nothing of the page is left

    open();
    expect(await screen.findByText('Achieng Otieno')).toBeInTheDocument();
    expect(screen.getByText('1234')).toBeInTheDocument();
    expect(screen.getByText('Baraka Juma')).toBeInTheDocument();
    expect(await field()).toHaveValue('Cher');
    expect(await screen.findByLabelText('Class')).toHaveValue('4 Blue');
  });

  it('points out who is there twice, and saves her only when somebody says it is another child', async () => {
    const box = serve();
    open();
    await choose();
    await type('mary otieno{Enter}Baraka Juma{Enter}Juma Baraka{Enter}New One, a-1{Enter}Cherop Ann{Enter}');
    expect(await screen.findByText('This name is in the class already.')).toBeInTheDocument();
    expect(screen.getByText('This name was typed twice.')).toBeInTheDocument();
    expect(screen.getByText(/learner of the school has this admission number/)).toBeInTheDocument();

    const twin = screen.getByText('Juma Baraka').closest('li') as HTMLElement;
    await userEvent.click(within(twin).getByRole('checkbox', { name: /another child/ }));
    await userEvent.click(save());
    expect(await screen.findByText('3 learners are on the list now.')).toBeInTheDocument();
    expect(box.sent.map((s) => s.full_name)).toEqual(['Baraka Juma', 'Juma Baraka', 'Cherop Ann']);
    expect(box.sent[0]).toMatchObject({ class_name: '4 Blue', grade: 'Grade 4' });
    expect(screen.getByText('mary otieno')).toBeInTheDocument();
  });

  it('says of a row why it was refused, and keeps it', async () => {
    const box = serve();
    box.refuse = 'Baraka Juma';
    open();
    await choose();
    await type('Achieng Otieno{Enter}Baraka Juma{Enter}Cherop Ann{Enter}');
    await userEvent.click(save());
    expect(await screen.findByText('A name has 1 to 120 letters.')).toBeInTheDocument();
    expect(box.sent.map((s) => s.full_name)).toEqual(['Achieng Otieno', 'Cherop Ann']);
    expect(screen.queryByText('Cherop Ann')).not.toBeInTheDocument();
  });

  it('loses nothing when the box is out of reach, and adds nobody twice after it', async () => {
    const box = serve();
    open();
    await choose();
    await type('Achieng Otieno{Enter}');
    box.away = true;
    await userEvent.click(save());
    expect(await screen.findByText(/Nothing is lost/)).toBeInTheDocument();
    const kept = screen.getByText('Achieng Otieno');
    expect(kept).toBeInTheDocument();
    cleanup();

    box.away = false;
    open();
    await screen.findByText('Achieng Otieno');
    await userEvent.click(save());
    await screen.findByText('1 learner is on the list now.');
    expect(box.sent).toHaveLength(1);
    cleanup();
    open();
    await field();
    await waitFor(() => expect(screen.queryByText('Achieng Otieno')).not.toBeInTheDocument());
  });
});
