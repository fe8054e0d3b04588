import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me } from '../../api/types';
import { useSession } from '../identity/session';
import { Learner } from './Learner';
import { Merges } from './Merges';

const person = (id: string, name: string, adm: string) => ({
  id,
  full_name: name,
  class_name: '4 Blue',
  grade: 'Grade 4',
  admission_number: adm,
  age: null,
  waiting: false,
});
const A = person('a', 'Mary Otieno', '12');
const B = person('b', 'Otieno Mary', '99');

/** A box that merges and takes back. */
function serve() {
  const box = { merged: false, told: [] as [string, string, unknown][] };
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = url.replace(/^.*\/schools\/s/, '');
    const body = init.body ? JSON.parse(String(init.body)) : undefined;
    if (init.method !== 'GET') box.told.push([String(init.method), path, body]);
    if (init.method === 'POST') box.merged = !path.endsWith('/undo');
    const at = '2026-03-01T08:00:00Z';
    if (path === '/roster-merges') {
      return json({
        merges: box.merged ? [{ id: 'm', learner: A, duplicate: B, at }] : [],
        maybe: box.merged ? [] : [[A, B]],
      });
    }
    if (path === '/classes')
      return json({ classes: [{ id: 'c', name: '4 Blue', grade: 'Grade 4', active: true }] });
    return json({ learners: [A, B] });
  });
  return box;
}

const json = (body: unknown) => new Response(JSON.stringify(body));

function open(at: string, duties: string[]) {
  queryClient.clear();
  const me = { id: 'me', role: 'instructor', duties, school_id: 's' } as unknown as Me;
  useSession.setState({ state: 'in', me });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={[at]}>
        <Routes>
          <Route path="/roster/merges" element={<Merges />} />
          <Route path="/roster/learners/:learner" element={<Learner />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

describe("a school's list", () => {
  afterEach(() => vi.unstubAllGlobals());

  it('merges one of two into the other, lists it, and takes it back', async () => {
    const box = serve();
    open('/roster/merges', ['head']);
    await screen.findByText('Mary Otieno');
    expect(screen.getByText('99')).toBeInTheDocument();
    await userEvent.click(screen.getAllByRole('button', { name: /keep this record/ })[0] as HTMLElement);
    expect(await screen.findByText(/Otieno Mary counts as Mary Otieno/)).toBeInTheDocument();
    await userEvent.click(screen.getByRole('button', { name: 'Take back the merge of Otieno Mary' }));
    await waitFor(() => expect(screen.getAllByRole('button', { name: /keep this record/ })).toHaveLength(2));
    expect(box.told).toEqual([
      ['POST', '/roster-merges', { learner_id: 'a', duplicate_id: 'b' }],
      ['POST', '/roster-merges/m/undo', undefined],
    ]);
  });

  it('sends only what was corrected', async () => {
    const box = serve();
    open('/roster/learners/a', ['head']);
    const number = await screen.findByLabelText('Admission number');
    await userEvent.clear(number);
    await userEvent.type(number, '13');
    await userEvent.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(box.told).toEqual([['PATCH', '/roster/a', { admission_number: '13' }]]));
  });

  it("shows another class's learner to a teacher without letting her change it", async () => {
    serve();
    open('/roster/learners/a', []);
    expect(await screen.findByLabelText('Admission number')).toBeDisabled();
    expect(screen.queryByRole('button', { name: 'Save' })).not.toBeInTheDocument();
  });
});
