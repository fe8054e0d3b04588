import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { queryClient } from '../../api/query';
import { History } from './History';

function open(answer: unknown, status = 200) {
  queryClient.clear();
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify(answer), { status }));
  render(
    <QueryClientProvider client={queryClient}>
      <History />
    </QueryClientProvider>,
  );
}

describe('what was taken along', () => {
  it('shows what arrived, with its receipt, and what is not known to have arrived', async () => {
    open({
      items: [
        { id: 'b', made_at: '2026-11-25T08:00:00Z', records: 3, size: 900 },
        {
          id: 'a',
          made_at: '2026-11-24T08:00:00Z',
          records: 212,
          size: 5000,
          arrived_at: '2026-11-24T10:00:00Z',
          receipt: 'Urban Home School: receipt',
        },
      ],
    });
    expect(await screen.findByText('212 pieces of work')).toBeVisible();
    expect(screen.getByText(/arrived at the cloud/i)).toBeVisible();
    expect(screen.getByText(/not known yet whether it arrived/i)).toBeVisible();
    expect(screen.getByText('Urban Home School: receipt')).toBeInTheDocument();
  });

  it('says that nothing was taken along yet', async () => {
    open({ items: [] });
    expect(await screen.findByText(/nothing was taken along/i)).toBeVisible();
  });
});
