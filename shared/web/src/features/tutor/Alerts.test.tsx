import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me } from '../../api/types';
import { navFor } from '../../app/nav';
import { Pages } from '../../app/Pages';
import { useSession } from '../identity/session';

const ADMIN = { id: 'ada', role: 'admin', is_active: true, profile_data: { full_name: 'Ada' } } as Me;
const ALERT = {
  id: 'a',
  learner_id: 'l',
  learner_name: 'Akiru Lokwang',
  school_id: 's',
  category: 'abuse',
  severity: 'high',
  at: '2026-11-26T08:00:00Z',
  is_acknowledged: false,
  acknowledgements: [],
};

function show(path: string, alerts: object[] = [ALERT]) {
  queryClient.clear();
  useSession.setState({ state: 'in', me: ADMIN });
  vi.stubGlobal('fetch', async (url: string) => {
    const answer = url.includes('/alerts')
      ? { alerts, open: alerts.length, total: alerts.length }
      : url.includes('/schools/s')
        ? { id: 's', name: 'Kawalase' }
        : { boxes: [], total: 0 };
    return new Response(JSON.stringify(answer));
  });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={[path]}>
        <Pages />
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

describe('an alert that climbed to the office', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is read and taken up by an admin, who is told the school', async () => {
    show('/alerts');
    expect(await screen.findByText('Akiru Lokwang')).toBeVisible();
    expect(await screen.findByRole('link', { name: 'Kawalase' })).toHaveAttribute('href', '/schools/s');
    expect(screen.getByRole('button', { name: 'I am taking care of this' })).toBeVisible();
  });

  it('is not there as long as the schools answer theirs, and the page says so', async () => {
    show('/alerts', []);
    const words = /Only alerts that nobody at the school has answered/;
    expect(await screen.findByText(words, {}, { timeout: 12_000 })).toBeVisible();
  });

  it('stands first on her home, and has its place', async () => {
    show('/');
    expect(await screen.findByRole('link', { name: 'Open the alerts' })).toHaveAttribute('href', '/alerts');
    expect(navFor(ADMIN, false, 'cloud').map((item) => item.to)).toContain('/alerts');
  });
});
