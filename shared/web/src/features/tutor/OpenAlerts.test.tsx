import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { queryClient } from '../../api/query';
import { OpenAlerts } from './OpenAlerts';

function show(open: number, status = 200) {
  queryClient.clear();
  const fetcher = vi.fn(
    async () => new Response(JSON.stringify({ alerts: [], open, total: open }), { status }),
  );
  vi.stubGlobal('fetch', fetcher);
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter>
        <OpenAlerts />
      </MemoryRouter>
    </QueryClientProvider>,
  );
  return fetcher;
}

afterEach(() => vi.unstubAllGlobals());

describe('children who wait for somebody', () => {
  it('stand first, with the way to them', async () => {
    show(2);
    expect(await screen.findByText('2 children may need help, and nobody has taken it up.')).toBeVisible();
    expect(screen.getByRole('link', { name: 'Open the alerts' })).toHaveAttribute('href', '/alerts');
  });

  it('are not taken for nobody when they cannot be asked for', async () => {
    show(0, 500);
    expect(await screen.findByRole('button', { name: 'Try again' })).toBeVisible();
  });

  it('are not spoken of while there are none', async () => {
    const fetcher = show(0);
    await waitFor(() => expect(fetcher).toHaveBeenCalled());
    expect(screen.queryByRole('link')).toBeNull();
  });
});
