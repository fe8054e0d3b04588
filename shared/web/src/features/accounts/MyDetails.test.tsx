import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { session } from '../../api';
import { queryClient } from '../../api/query';
import type { Me, Role } from '../../api/types';
import { useSession } from '../identity/session';
import { MyDetails } from './MyDetails';

/** A cloud that wants a second factor for a change of phone or e-mail address. */
function open(role: Role, school = '') {
  const sent: [string, string, Record<string, string>][] = [];
  queryClient.clear();
  session.write({ access_token: 'a', refresh_token: 'r', token_type: 'bearer', expires_in: 1800 } as never);
  const me = {
    id: 'me',
    role,
    language: 'en',
    school_id: school,
    profile_data: { full_name: 'Mary' },
  } as unknown as Me;
  useSession.setState({ state: 'in', me });
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = new URL(url, 'http://x').pathname.replace('/api/v1', '');
    const body = init.body ? JSON.parse(String(init.body)) : {};
    if (path === '/auth/refresh')
      return new Response(JSON.stringify({ access_token: 'b', refresh_token: 's' }));
    if (init.method !== 'GET') sent.push([String(init.method), path, body]);
    if (/^.users.me.(phone|email)$/.test(path) && !body.second_factor) {
      return new Response(JSON.stringify({ status: 401, code: 'second_factor', detail: 'x' }), {
        status: 403,
      });
    }
    return new Response(JSON.stringify(me));
  });
  render(
    <QueryClientProvider client={queryClient}>
      <MyDetails />
    </QueryClientProvider>,
  );
  return sent;
}

afterEach(() => {
  vi.unstubAllGlobals();
  session.clear();
});

describe('what a person changes of herself', () => {
  it('is her name', async () => {
    const sent = open('parent');
    const save = screen.getByRole('button', { name: 'Change the name' });
    expect(save).toBeDisabled();
    await userEvent.type(screen.getByLabelText('Name'), ' Mother ');
    await userEvent.click(save);
    expect(await screen.findByText('The name is changed.')).toBeVisible();
    expect(sent[0]).toEqual(['PUT', '/users/me', { full_name: 'Mary Mother' }]);
  });

  it('is her phone, after a code, her password and her second factor', async () => {
    const sent = open('parent');
    expect(screen.queryByLabelText('Present password')).toBeNull();
    await userEvent.type(screen.getByLabelText('New phone number'), '0711000001');
    await userEvent.click(screen.getByRole('button', { name: 'Send me a code' }));
    await userEvent.type(await screen.findByLabelText('Code from the text message'), '123456');
    await userEvent.type(screen.getByLabelText('Present password'), 'Sunny-Day-2026');
    await userEvent.click(screen.getByRole('button', { name: 'Change the number' }));
    expect(await screen.findByText('Please type the code of your second factor.')).toBeVisible();
    await userEvent.type(screen.getByLabelText('Code'), '654321');
    await userEvent.click(screen.getByRole('button', { name: 'Change the number' }));
    await waitFor(() => expect(screen.getByLabelText('New phone number')).toHaveValue(''));
    expect(sent[0]).toEqual([
      'POST',
      '/auth/phone-codes',
      { phone_number: '0711000001', purpose: 'change_phone', language: 'en' },
    ]);
    expect(sent.at(-1)?.[2]).toEqual({
      phone_number: '0711000001',
      code: '123456',
      current_password: 'Sunny-Day-2026',
      second_factor: '654321',
    });
  });

  it('is her e-mail address, after her password and her second factor', async () => {
    const sent = open('parent');
    const send = screen.getByRole('button', { name: 'Mail me the link' });
    await userEvent.type(screen.getByLabelText('New e-mail address'), 'mary@example.org');
    await userEvent.type(screen.getByLabelText('Present password'), 'Sunny-Day-2026');
    await userEvent.click(send);
    expect(await screen.findByText('Please type the code of your second factor.')).toBeVisible();
    await userEvent.type(screen.getByLabelText('Code'), '654321');
    await userEvent.click(send);
    expect(await screen.findByText(/A link is on its way/)).toBeVisible();
    expect(screen.queryByLabelText('Present password')).toBeNull();
    expect(sent.at(-1)).toEqual([
      'PUT',
      '/users/me/email',
      { email: 'mary@example.org', current_password: 'Sunny-Day-2026', second_factor: '654321' },
    ]);
  });

  it('is the language of her letters', async () => {
    const sent = open('parent');
    await userEvent.selectOptions(screen.getByLabelText('Language of my letters'), 'sw');
    expect(await screen.findByText(/Your letters come in this language/)).toBeVisible();
    expect(sent).toEqual([['PUT', '/users/me', { language: 'sw' }]]);
  });

  it("is not a school's learner's: the school wrote her name", () => {
    open('student', 's');
    expect(screen.queryByRole('button')).toBeNull();
  });
});
