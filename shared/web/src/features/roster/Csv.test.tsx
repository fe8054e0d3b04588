import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me } from '../../api/types';
import { useSession } from '../identity/session';
import { Roster } from './Roster';

const learner = (id: string, name: string, className: string) => ({
  id,
  full_name: name,
  class_name: className,
  grade: 'Grade 4',
  age: null,
  waiting: false,
});
const LEARNERS = [learner('a', 'Mary Otieno', '4 Blue'), learner('b', 'Otieno Mary', '4 Red')];

/** A box that gives the list as a file, or refuses. */
function open(refuses = false) {
  const asked: string[] = [];
  const kept: string[] = [];
  vi.stubGlobal('fetch', async (url: string) => {
    const path = url.replace(/^.*\/schools\/s/, '');
    if (path.startsWith('/roster-export')) {
      asked.push(path);
      if (refuses)
        return new Response(JSON.stringify({ status: 403, code: 'forbidden', detail: 'x' }), { status: 403 });
      return new Response('Full name\n');
    }
    if (path === '/classes') return new Response('{"classes":[]}');
    return new Response(JSON.stringify({ learners: LEARNERS }));
  });
  URL.createObjectURL = () => 'blob:list';
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
    kept.push(this.download);
  });
  queryClient.clear();
  const me = { id: 'me', role: 'instructor', duties: [], school_id: 's' } as unknown as Me;
  useSession.setState({ state: 'in', me });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={['/roster']}>
        <Routes>
          <Route path="/roster" element={<Roster />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  return { asked, kept };
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe('the list of learners as a file', () => {
  it('is of the whole school, or of the class that is chosen', async () => {
    const { asked, kept } = open();
    await userEvent.click(await screen.findByRole('button', { name: 'Table (CSV)' }));
    await waitFor(() => expect(kept).toEqual(['Learners.csv']));
    await userEvent.selectOptions(screen.getByLabelText('Class'), '4 Blue');
    await userEvent.click(await screen.findByRole('button', { name: 'Table (CSV)' }));
    await waitFor(() => expect(kept).toEqual(['Learners.csv', 'Learners 4 Blue.csv']));
    expect(asked).toEqual(['/roster-export', '/roster-export?class=4+Blue']);
  });

  it('says so when the box refuses it', async () => {
    const { kept } = open(true);
    await userEvent.click(await screen.findByRole('button', { name: 'Table (CSV)' }));
    expect(await screen.findByRole('alert')).toBeVisible();
    expect(kept).toEqual([]);
  });
});
