import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../../api/query';
import type { ImportRow, Me } from '../../api/types';
import { useSession } from '../identity/session';
import { Import } from './Import';

interface Asked {
  content?: string;
  text?: string;
  dry_run: boolean;
  same: number[];
  new: number[];
}

const row = (n: number, state: ImportRow['state'], errors: ImportRow['errors'] = []): ImportRow => ({
  row: n,
  state,
  name: `Learner ${n}`,
  class_name: '4 Blue',
  errors,
});

/** A cloud that plans the rows it is given, and asks about those in doubt until they are answered. */
function serve(rows: ImportRow[]) {
  const asked: Asked[] = [];
  vi.stubGlobal('fetch', async (_url: string, init: RequestInit) => {
    if (init.method !== 'POST') return new Response(JSON.stringify({ classes: [], learners: [] }));
    const body = JSON.parse(String(init.body)) as Asked;
    asked.push(body);
    const planned = rows.map((r) => {
      if (body.same.includes(r.row)) return { ...r, state: 'update' };
      return body.new.includes(r.row) ? { ...r, state: 'new' } : r;
    });
    const answer = { columns: ['full_name'], ignored: [3], rows: planned, done: !body.dry_run };
    return new Response(JSON.stringify(answer));
  });
  return asked;
}

function open() {
  queryClient.clear();
  const me = { id: 'me', role: 'instructor', duties: ['head'], school_id: 's' } as unknown as Me;
  useSession.setState({ state: 'in', me });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={['/roster/import']}>
        <Routes>
          <Route path="/roster/import" element={<Import />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

const check = () => userEvent.click(screen.getByRole('button', { name: 'Look what it would do' }));
const run = () => screen.findByRole('button', { name: /^Import \d+ learner/ });

describe('importing a list', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('shows the mistake of each row and does not import', async () => {
    const asked = serve([
      row(2, 'new'),
      row(3, 'error', [
        { column: 'guardian_phone', code: 'bad_phone' },
        { column: 'born', code: 'bad_born' },
      ]),
    ]);
    open();
    await userEvent.click(screen.getByLabelText('Or paste rows from a spreadsheet'));
    await userEvent.paste('Name\tPhone\nA B\t12');
    await check();
    const wrong = (await screen.findByText('Learner 3')).closest('li') as HTMLElement;
    expect(within(wrong).getByText(/is not a phone number/)).toHaveTextContent('Phone of the guardian');
    expect(within(wrong).getByText(/must be a year or a day/)).toHaveTextContent('Date of birth');
    expect(screen.getByText(/number 3\./)).toBeInTheDocument();
    expect(await run()).toBeDisabled();
    expect(screen.getByText(/Nothing was saved/)).toBeInTheDocument();
    expect(asked).toEqual([{ text: 'Name\tPhone\nA B\t12', same: [], new: [], dry_run: true }]);
  });

  it('asks about a row that may be known, and then imports all of it at once', async () => {
    const asked = serve([row(2, 'question'), row(3, 'question'), row(4, 'same'), row(5, 'new')]);
    open();
    const file = new File(['Name,Class\nA B,4 Blue\n'], 'class.csv');
    await userEvent.upload(screen.getByLabelText('File'), file);
    await screen.findByText('class.csv');
    await check();
    expect(await run()).toBeDisabled();
    for (const [name, answer] of [
      ['Learner 2', 'The same child'],
      ['Learner 3', 'Another child'],
    ] as const) {
      const line = screen.getByText(name).closest('li') as HTMLElement;
      await waitFor(() => expect(within(line).getByLabelText(answer)).toBeEnabled());
      await userEvent.click(within(line).getByLabelText(answer));
    }
    await waitFor(async () => expect(await run()).toBeEnabled());
    await userEvent.click(await run());
    expect(await screen.findByText('The list is in.')).toBeInTheDocument();
    expect(screen.getByText('2 new · 1 changed · 1 unchanged')).toBeInTheDocument();
    const last = asked.at(-1);
    expect(last).toMatchObject({ same: [2], new: [3], dry_run: false });
    expect(atob(last?.content ?? '')).toBe('Name,Class\nA B,4 Blue\n');
  });

  it('has nothing to do when the list was imported before', async () => {
    serve([row(2, 'same'), row(3, 'same')]);
    open();
    await userEvent.type(screen.getByLabelText('Or paste rows from a spreadsheet'), 'Name');
    await check();
    expect(await screen.findByText('The list says nothing new.')).toBeInTheDocument();
    expect(await run()).toBeDisabled();
  });
});
