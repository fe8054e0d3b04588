import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter } from 'react-router';
import { session } from '../../api';
import { queryClient } from '../../api/query';
import type { Me } from '../../api/types';
import { useSession } from '../identity/session';
import { Application } from './Application';
import { Picture } from './Picture';
import { VerifyEmail } from './VerifyEmail';

const ME = {
  id: 'p1',
  email: 'paul@example.org',
  role: 'partner',
  is_active: false,
  profile_data: { full_name: 'Paul', avatar_url: 'https://x.example/a.jpg' },
} as Me;
const json = (body: unknown) => new Response(JSON.stringify(body));

/** A service that takes every change; whether it can tell who the person is, up can switch. */
function service(after: Me) {
  const line = { up: true };
  vi.stubGlobal('fetch', async (url: string) => {
    if (url.endsWith('/auth/refresh'))
      return json({ access_token: 'new', refresh_token: 'r2', token_type: 'bearer', expires_in: 1800 });
    if (!url.endsWith('/auth/me')) return json({ status: 'success', message: '' });
    return line.up ? json(after) : new Response('{"status":503,"code":"unavailable"}', { status: 503 });
  });
  return line;
}

function open(page: JSX.Element) {
  queryClient.clear();
  session.write({
    access_token: 'old',
    refresh_token: 'r1',
    token_type: 'bearer',
    expires_in: 1800,
  } as never);
  useSession.setState({ state: 'in', me: ME });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter>{page}</MemoryRouter>
    </QueryClientProvider>,
  );
}

describe('after something about the person changed', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    session.clear();
  });

  it('who was approved gets new tokens, and reads it when the service does not answer', async () => {
    const line = service({ ...ME, is_active: true });
    line.up = false;
    open(<Application />);
    await userEvent.click(screen.getByRole('button', { name: 'See whether it is decided' }));
    expect(await screen.findByRole('alert')).toBeVisible();
    expect(useSession.getState()).toMatchObject({ state: 'in', me: { is_active: false } });
    line.up = true;
    await userEvent.click(screen.getByRole('button', { name: 'See whether it is decided' }));
    await waitFor(() => expect(useSession.getState().me?.is_active).toBe(true));
    expect(session.read()?.access_token).toBe('new');
  });

  it('a removed picture that stays on the page is a failure, not a silence', async () => {
    const line = service({ ...ME, profile_data: { full_name: 'Paul' } } as Me);
    line.up = false;
    open(<Picture />);
    await userEvent.click(screen.getByRole('button', { name: 'Remove the picture' }));
    expect(await screen.findByRole('alert')).toBeVisible();
    line.up = true;
    await userEvent.click(screen.getByRole('button', { name: 'Remove the picture' }));
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Remove the picture' })).toBeNull());
  });

  it('a confirmed address is told at once, and reading the person again can be tried again', async () => {
    const line = service({ ...ME, is_verified: true });
    line.up = false;
    window.location.hash = '#token=abc';
    open(<VerifyEmail />);
    await userEvent.click(screen.getByRole('button', { name: 'Confirm' }));
    expect(await screen.findByText(/is confirmed/)).toBeVisible();
    line.up = true;
    await userEvent.click(await screen.findByRole('button', { name: 'Try again' }));
    await waitFor(() => expect(useSession.getState().me?.is_verified).toBe(true));
  });
});
