import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { queryClient } from '../../api/query';
import type { Me } from '../../api/types';
import { useSession } from '../identity/session';
import { ClassDoor } from './ClassDoor';

describe('who is locked out', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is not taken for nobody when it cannot be asked for', async () => {
    queryClient.clear();
    useSession.setState({ state: 'in', me: { id: 'me', role: 'instructor', school_id: 's' } as Me });
    vi.stubGlobal('fetch', async (url: string) =>
      url.includes('/door/locked')
        ? new Response('{}', { status: 500 })
        : new Response(
            JSON.stringify({
              learners: [{ id: 'a', full_name: 'Akiru', class_name: '6 Blue' }],
              open_classes: [],
            }),
          ),
    );
    render(
      <QueryClientProvider client={queryClient}>
        <MemoryRouter>
          <ClassDoor />
        </MemoryRouter>
      </QueryClientProvider>,
    );
    expect(await screen.findByText('Akiru')).toBeVisible();
    expect(await screen.findByRole('button', { name: 'Try again' })).toBeVisible();
  });
});
