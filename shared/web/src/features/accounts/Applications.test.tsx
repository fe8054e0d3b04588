import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { queryClient } from '../../api/query';
import { Applications } from './Applications';

const APPLICATION = {
  id: 'a1',
  applicant: { first_name: 'Tom', last_name: 'Teacher', email: 't@example.org', phone_number: '' },
  subjects: ['Science'],
  teaching_experience_years: 3,
  qualifications: '',
  motivation: '',
  review_notes: '',
  status: 'pending',
  submitted_at: '2026-11-01T08:00:00Z',
  documents: ['cv'],
};

describe('a document of an application', () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each([
    ['application/pdf', 'cv.pdf'],
    ['image/png', 'cv.png'],
    ['image/jpeg', 'cv.jpg'],
  ])('of type %s is saved as %s', async (type, name) => {
    queryClient.clear();
    vi.stubGlobal('fetch', async (url: string) =>
      url.includes('/documents/')
        ? new Response('bytes', { headers: { 'Content-Type': type } })
        : new Response(JSON.stringify({ applications: [APPLICATION], total: 1 })),
    );
    const saved: string[] = [];
    URL.createObjectURL = () => 'blob:x';
    URL.revokeObjectURL = () => undefined;
    const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (
      this: HTMLAnchorElement,
    ) {
      saved.push(this.download);
    });
    render(
      <QueryClientProvider client={queryClient}>
        <Applications />
      </QueryClientProvider>,
    );
    await userEvent.click(await screen.findByRole('button', { name: 'CV' }));
    await waitFor(() => expect(saved).toEqual([name]));
    click.mockRestore();
  });
});
