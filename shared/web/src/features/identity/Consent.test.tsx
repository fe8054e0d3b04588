import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { queryClient } from '../../api/query';
import { ConsentSwitch } from './ConsentSwitch';
import { RecordConsent } from './RecordConsent';

const text = (purpose: string) => ({
  purpose,
  title: `May ${purpose}`,
  what: 'What is done',
  who: 'Who does it',
  how_long: 'Two years',
  automated: 'No machine decides',
  transfer: 'It stays in Kenya',
  withdraw: 'At any time',
});

/** The service: remembers what it was sent. */
function serve() {
  const sent: { path: string; body: unknown; type: string | undefined }[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = new URL(url, 'http://x').pathname;
    const say = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
    if (init.method === 'POST') {
      const type = (init.headers as Record<string, string>)['Content-Type'];
      sent.push({ path, type, body: typeof init.body === 'string' ? JSON.parse(init.body) : init.body });
      return path.endsWith('consent-photos') ? say({ photo: 'ab12' }, 201) : say({}, 201);
    }
    if (path.endsWith('/consent-texts'))
      return say({ version: '2026-11', texts: ['cloud_tutor', 'photos'].map(text) });
    if (path.endsWith('/consents')) {
      return say({
        consents: [
          { purpose: 'photos', given: false, guardian_name: 'Mary', at: '2026-11-20T08:00:00Z' },
          { purpose: 'photos', given: true, guardian_name: 'Mary', at: '2026-11-01T08:00:00Z' },
        ],
      });
    }
    return say({ guardians: [] });
  });
  return sent;
}

const show = (page: React.ReactNode) =>
  render(<QueryClientProvider client={queryClient}>{page}</QueryClientProvider>);

beforeEach(() => queryClient.clear());
afterEach(() => vi.unstubAllGlobals());

describe('the consents of a guardian', () => {
  it('are off until she says yes, each by itself, with the version of the words', async () => {
    const sent = serve();
    show(<ConsentSwitch learner="l1" name="Amina Ekai" />);
    const tutor = await screen.findByRole('checkbox', { name: 'May cloud_tutor' });
    expect(tutor).not.toBeChecked();
    expect(screen.getByRole('checkbox', { name: 'May photos' })).not.toBeChecked();
    expect(screen.getAllByText('At any time')).toHaveLength(2);
    await userEvent.click(tutor);
    await waitFor(() => expect(sent).toHaveLength(1));
    expect(sent[0]?.body).toEqual({
      purpose: 'cloud_tutor',
      given: true,
      method: 'web',
      text_version: '2026-11',
    });
  });
});

describe('a form that was signed on paper', () => {
  it('is recorded with its photo, and only what changed', async () => {
    const sent = serve();
    show(<RecordConsent learner="l1" />);
    await userEvent.click(await screen.findByRole('checkbox', { name: 'May cloud_tutor' }));
    await userEvent.type(screen.getByRole('textbox', { name: /guardian/i }), 'Mary Ekai');
    const photo = new File(['x'], 'form.jpg', { type: 'image/jpeg' });
    await userEvent.upload(screen.getByLabelText(/photo of the signed form/i), photo);
    await userEvent.click(screen.getByRole('button', { name: 'Record' }));
    await waitFor(() => expect(sent).toHaveLength(2), { timeout: 5_000 });
    expect(sent[0]).toMatchObject({
      path: '/api/v1/learners/l1/consent-photos',
      type: 'application/octet-stream',
    });
    expect(sent[1]?.body).toMatchObject({
      purpose: 'cloud_tutor',
      given: true,
      method: 'paper',
      photo: 'ab12',
      guardian_name: 'Mary Ekai',
    });
  });
});
