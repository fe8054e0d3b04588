import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../../api/query';
import type { Box } from '../../api/types';
import { Schools } from './Schools';

const ALL = Array.from({ length: 3000 }, (_, i) => ({
  school_id: `s${i}`,
  school: `School ${String(i).padStart(4, '0')}`,
  code: `S-${i}`,
  county: i < 10 ? 'Turkana' : 'Nakuru',
  status: 'online',
})) as unknown as Box[];

/** A cloud of 3,000 schools, which searches and cuts pages as the real one. */
function open(path = '/') {
  const asked: URLSearchParams[] = [];
  vi.stubGlobal('fetch', async (url: string) => {
    if (url.includes('/safeguarding/'))
      return new Response(JSON.stringify({ alerts: [], open: 0, total: 0 }));
    const ask = new URL(url, 'http://cloud').searchParams;
    asked.push(ask);
    const q = (ask.get('q') ?? '').toLowerCase();
    const found = ALL.filter((b) => `${b.school} ${b.code} ${b.county}`.toLowerCase().includes(q));
    const [skip, limit] = [Number(ask.get('skip')), Number(ask.get('limit'))];
    const boxes = found.slice(skip, skip + limit);
    return new Response(
      JSON.stringify({ boxes, total: found.length, skip, limit, has_more: skip + limit < found.length }),
    );
  });
  queryClient.clear();
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={[path]}>
        <Routes>
          <Route path="/" element={<Schools />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  return asked;
}

describe('the schools', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('come page by page, however many there are', async () => {
    const asked = open();
    await screen.findByText('School 0000');
    expect(screen.getAllByRole('listitem')).toHaveLength(20);
    expect(asked[0]?.get('limit')).toBe('20');
    await userEvent.click(screen.getByRole('button', { name: 'More' }));
    await screen.findByText('School 0020');
    expect(screen.getByText(/21–40/)).toHaveTextContent('3,000');
  });

  it('are found by name, code or county, however far down', async () => {
    open();
    await screen.findByText('School 0000');
    await userEvent.type(screen.getByLabelText('Search'), 'S-2999');
    const link = await screen.findByRole('link', { name: /School 2999/ });
    expect(link).toHaveAttribute('href', '/schools/s2999');
    await waitFor(() => expect(screen.getAllByRole('listitem')).toHaveLength(1));
  });

  it('say when a search finds none', async () => {
    open('/?q=nowhere');
    await screen.findByText('No school has this name, code or county.');
  });
});
