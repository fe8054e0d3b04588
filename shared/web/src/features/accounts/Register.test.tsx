import { QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { session } from '../../api';
import { queryClient } from '../../api/query';
import { Pages } from '../../app/Pages';
import { useConnection } from '../../offline/connection';
import { useSession } from '../identity/session';

const json = (body: unknown) => new Response(JSON.stringify(body));

/** A cloud that opens an account and signs the person in; her address is confirmed or not yet. */
function register(verified: boolean) {
  queryClient.clear();
  useSession.setState({ state: 'out', me: null });
  useConnection.setState({ status: { side: 'cloud' } as never, reachable: true });
  vi.stubGlobal('fetch', async (url: string) => {
    const path = url.replace('/api/v1', '');
    if (path === '/auth/register') return json({ status: 'success' });
    if (path === '/auth/login')
      return json({ access_token: 'a', refresh_token: 'r', token_type: 'bearer', expires_in: 1800 });
    if (path === '/auth/me')
      return json({
        id: 'mary',
        role: 'parent',
        is_active: true,
        is_verified: verified,
        email: 'mary@example.org',
        profile_data: { full_name: 'Mary Mother' },
      });
    return json({ children: [] });
  });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={['/register']}>
        <Pages />
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

/** A page that is fetched first, on a busy computer. */
const PATIENT = { timeout: 12_000 };

const type = async (label: RegExp, value: string) =>
  fireEvent.change(await screen.findByLabelText(label, {}, PATIENT), { target: { value } });

async function fill() {
  await type(/Full name/, 'Mary Mother');
  await type(/E-mail or phone/, 'mary@example.org');
  await type(/^Password/, 'a long enough one');
  fireEvent.click(screen.getByText('Open the account', { selector: 'button' }));
}

describe('who opened an account by e-mail', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    session.clear();
    useConnection.setState({ status: null, reachable: null });
  });

  it('is told to look in her mailbox', async () => {
    register(false);
    await fill();
    expect(await screen.findByText(/mailed a link to mary@example.org. Look in/, {}, PATIENT)).toBeVisible();
  });

  it('is not told so when the address is confirmed', async () => {
    register(true);
    await fill();
    expect(await screen.findByText('No child is linked to your account yet.', {}, PATIENT)).toBeVisible();
    expect(screen.queryByText(/Look in your mailbox/)).toBeNull();
  });
});
