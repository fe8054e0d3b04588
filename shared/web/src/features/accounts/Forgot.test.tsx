import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter } from 'react-router';
import { queryClient } from '../../api/query';
import { Forgot } from './Forgot';

describe('a forgotten password', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('of a phone is replaced with the code of a text message', async () => {
    const sent: [string, unknown][] = [];
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      sent.push([url, JSON.parse(String(init.body))]);
      return new Response(JSON.stringify({ status: 'success', message: '' }));
    });
    render(
      <QueryClientProvider client={queryClient}>
        <MemoryRouter>
          <Forgot />
        </MemoryRouter>
      </QueryClientProvider>,
    );
    await userEvent.type(screen.getByLabelText('E-mail or phone number'), '0711000001');
    await userEvent.click(screen.getByRole('button', { name: 'Send me a message' }));
    await userEvent.type(await screen.findByLabelText('Code from the text message'), '12a3456');
    await userEvent.type(screen.getByLabelText('New password'), 'Sunny-Day-2026');
    await userEvent.click(screen.getByRole('button', { name: 'Save the password' }));
    await screen.findByText('Your new password is saved.');
    expect(sent).toEqual([
      ['/api/v1/auth/forgot-password', { phone_number: '0711000001', language: 'en' }],
      [
        '/api/v1/auth/reset-password',
        { phone_number: '0711000001', code: '123456', new_password: 'Sunny-Day-2026' },
      ],
    ]);
  });
});
