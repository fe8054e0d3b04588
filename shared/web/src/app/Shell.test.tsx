import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../api/query';
import type { Me } from '../api/types';
import { useSession } from '../features/identity/session';
import { Shell } from './Shell';

function open(me: object) {
  const whole = { id: 'me', is_active: true, profile_data: { full_name: 'Me' }, ...me };
  useSession.setState({ state: 'in', me: whole as unknown as Me });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter>
        <Routes>
          <Route element={<Shell />}>
            <Route path="*" element={<h1>A page</h1>} />
          </Route>
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  return within(screen.getByRole('navigation'));
}

/** A phone shows what a wide screen alone does not hide. */
const onPhone = (name: string) => (link: HTMLElement) =>
  link.textContent === name && !link.closest('li')?.className.includes('hidden md:');

describe('the places of a phone', () => {
  afterEach(() => useSession.setState({ state: 'out', me: null }));

  it('beyond the fourth stand behind "More", and close again', async () => {
    const nav = open({ role: 'admin' });
    const shown = () => nav.getAllByRole('link').filter(onPhone('Courses'));
    expect(nav.getAllByRole('link').filter(onPhone('Schools'))).toHaveLength(1);
    expect(shown()).toHaveLength(0);

    const more = nav.getByRole('button', { name: 'More' });
    expect(more).toHaveAttribute('aria-expanded', 'false');
    await userEvent.click(more);
    expect(more).toHaveAttribute('aria-expanded', 'true');
    expect(shown()).toHaveLength(1);

    await userEvent.keyboard('{Escape}');
    expect(shown()).toHaveLength(0);
    expect(more).toHaveFocus();

    await userEvent.click(more);
    await userEvent.click(shown()[0] as HTMLElement);
    expect(shown()).toHaveLength(0);
  });

  it('are all there when five are enough', () => {
    const nav = open({ role: 'student' });
    expect(nav.queryByRole('button', { name: 'More' })).toBeNull();
    expect(nav.getAllByRole('link')).toHaveLength(5);
  });
});
