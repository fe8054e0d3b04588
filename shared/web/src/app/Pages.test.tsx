import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { queryClient } from '../api/query';
import type { Duty, Me, Role } from '../api/types';
import { useSession } from '../features/identity/session';
import { navFor } from './nav';
import { Pages } from './Pages';

const person = (role: Role, duties: Duty[] = []) =>
  ({
    id: 'me',
    role,
    duties,
    school_id: 's',
    is_active: true,
    profile_data: { full_name: 'Me' },
  }) as unknown as Me;

function open(path: string, me: Me | null) {
  queryClient.clear();
  useSession.setState({ state: me ? 'in' : 'out', me });
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify({ items: [], learners: [], courses: [] })));
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={[path]}>
        <Pages />
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

const places = (me: Me) => navFor(me, false, 'cloud').map((item) => item.to);

describe('pages follow the table of permissions', () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each<[string, Role, Duty[], string]>([
    ['/payments', 'instructor', ['head'], 'Payments'],
    ['/payments', 'instructor', ['bursar'], 'Payments'],
    ['/payments', 'instructor', ['site_admin'], 'This page is not here'],
    ['/payments', 'instructor', [], 'This page is not here'],
    ['/claim-again', 'instructor', ['head'], 'A new code for this box'],
    ['/claim-again', 'instructor', ['site_admin'], 'A new code for this box'],
    ['/claim-again', 'instructor', ['bursar'], 'This page is not here'],
    ['/claim-again', 'instructor', [], 'This page is not here'],
    ['/me', 'student', [], 'My page'],
  ])('%s for %s %j: %s', async (path, role, duties, title) => {
    open(path, person(role, duties));
    expect(await screen.findByRole('heading', { level: 1, name: title }, { timeout: 5_000 })).toBeVisible();
  });

  it('leave a receipt open to whoever has no account any more', async () => {
    open('/erasure', null);
    const title = { level: 1, name: 'Receipt of an erasure' };
    expect(await screen.findByRole('heading', title, { timeout: 5_000 })).toBeVisible();
  });

  it("lead the head to the school's payments, and a student to herself", () => {
    expect(places(person('instructor', ['head']))).toContain('/payments');
    expect(places(person('instructor', ['site_admin']))).not.toContain('/payments');
    expect(places(person('student'))).toContain('/me');
    const atHome = places({ ...person('student'), at_home: true });
    expect(atHome).toContain('/family');
    expect(atHome).not.toContain('/me');
  });
});
