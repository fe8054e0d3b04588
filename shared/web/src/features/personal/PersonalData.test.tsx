import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { queryClient } from '../../api/query';
import { PersonalData } from './PersonalData';

const show = (page: React.ReactNode) =>
  render(<QueryClientProvider client={queryClient}>{page}</QueryClientProvider>);

let asked: URL[] = [];

beforeEach(() => {
  asked = [];
  queryClient.clear();
  vi.stubGlobal('fetch', async (url: string) => {
    if (url.endsWith('/erasure')) return new Response('{"code":"no_erasure"}', { status: 404 });
    asked.push(new URL(url, 'http://x'));
    return new Response('zip');
  });
  vi.stubGlobal('URL', Object.assign(URL, { createObjectURL: () => 'blob:x', revokeObjectURL: () => {} }));
});
afterEach(() => vi.unstubAllGlobals());

describe('everything about a person', () => {
  it('is downloaded with one button', async () => {
    show(<PersonalData person="me" />);
    await userEvent.click(screen.getByRole('button', { name: 'Download everything' }));
    expect(await screen.findByRole('status')).toHaveTextContent('private');
    expect(asked.map((u) => u.pathname + u.search)).toEqual(['/api/v1/people/me/personal-data?format=zip']);
  });

  it('needs a reason from those who act on paper', async () => {
    show(<PersonalData person="l1" name="Amina Ekai" onPaper />);
    expect(screen.getByRole('heading', { name: 'Data about Amina Ekai' })).toBeInTheDocument();
    await userEvent.click(screen.getByRole('button', { name: 'Download everything' }));
    expect(asked).toHaveLength(0);
    await userEvent.type(screen.getByLabelText('Why, and who asked'), 'The mother wrote');
    await userEvent.click(screen.getByRole('button', { name: 'Download everything' }));
    await waitFor(() => expect(asked[0]?.searchParams.get('reason')).toBe('The mother wrote'));
  });
});
