import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { queryClient } from '../../api/query';
import type { Erasure } from '../../api/types';
import { switchLanguage } from '../../i18n';
import { keptOf } from './erasure';
import { Receipt } from './Receipt';

const CLOUD = { school: '', box: false, erased_at: '2020-01-02T08:00:00Z' };
const BOX = { school: 'Lodwar Primary', box: true, erased_at: '2020-01-03T08:00:00Z' };
const SILENT = { school: 'Kakuma Primary', box: true, erased_at: null };
const RECEIPT: Erasure = {
  code: 'aB-c_1',
  asked_at: '2019-12-26T08:00:00Z',
  due_at: '2020-01-02T08:00:00Z',
  done_at: '2020-01-02T08:00:00Z',
  complete: true,
  stops: [CLOUD, BOX],
  backups_until: '2020-01-09T08:00:00Z',
  kept: [
    { what: 'ledger_postings', why: 'law' },
    { what: 'payment_orders', why: 'law' },
    { what: 'erasures', why: 'the id alone' },
    { what: 'new_table', why: 'a reason of its own' },
  ],
};

let asked: { path: string; token: boolean }[] = [];

function open(path: string, receipt: Erasure | null) {
  vi.stubGlobal('fetch', async (url: string, init: RequestInit = {}) => {
    const headers = init.headers as Record<string, string>;
    asked.push({ path: new URL(url, 'http://x').pathname, token: 'Authorization' in headers });
    return receipt
      ? new Response(JSON.stringify(receipt))
      : new Response(JSON.stringify({ code: 'no_erasure' }), { status: 404 });
  });
  render(
    <QueryClientProvider client={queryClient}>
      <MemoryRouter initialEntries={[path]}>
        <Routes>
          <Route path="/erasure" element={<Receipt />} />
          <Route path="/erasure/:code" element={<Receipt />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

beforeEach(() => {
  asked = [];
  queryClient.clear();
  sessionStorage.setItem('uhs.session', JSON.stringify({ access_token: 'a', refresh_token: 'r' }));
});
afterEach(async () => {
  sessionStorage.clear();
  vi.unstubAllGlobals();
  await switchLanguage('en');
});

describe('the receipt of an erasure', () => {
  it('is complete when every box has confirmed, and opens without an account', async () => {
    open('/erasure/aB-c_1', RECEIPT);
    expect(await screen.findByText('Complete: erased in every place.')).toBeVisible();
    expect(screen.getByText('The box of Lodwar Primary')).toBeVisible();
    expect(screen.getByText(/Erased on 3 January 2020/)).toBeVisible();
    expect(screen.getByText(/The last one that held it was deleted on 9 January 2020/)).toBeVisible();
    expect(screen.getAllByText(/by law the books keep/)).toHaveLength(1);
    expect(screen.getByText('a reason of its own')).toBeVisible();
    expect(screen.queryByText(/That a guardian agreed/)).toBeNull();
    expect(asked).toEqual([{ path: '/api/v1/erasures/aB-c_1', token: false }]);
  });

  it('says which box has not confirmed', async () => {
    open('/erasure/aB-c_1', { ...RECEIPT, complete: false, stops: [CLOUD, BOX, SILENT] });
    expect(await screen.findByText('Not complete yet: 1 box has not confirmed.')).toBeVisible();
    const line = screen.getByText('The box of Kakuma Primary').closest('li');
    expect(line).toHaveTextContent('Not confirmed yet');
    expect(screen.queryByText(/^Complete/)).toBeNull();
  });

  it('says that backups still hold it', async () => {
    open('/erasure/aB-c_1', { ...RECEIPT, backups_until: '2099-01-09T08:00:00Z' });
    expect(await screen.findByText(/Only backups still hold it, until 9 January 2099/)).toBeVisible();
    expect(screen.queryByText(/^Complete/)).toBeNull();
  });

  it('speaks for its own box alone', async () => {
    open('/erasure/aB-c_1', { ...RECEIPT, stops: [BOX], backups_until: null });
    expect(await screen.findByText(/Erased on this box\. The cloud erases it too/)).toBeVisible();
    expect(screen.queryByText('Backups')).toBeNull();
  });

  it('says when it will happen, before it has', async () => {
    const due_at = '2099-12-03T08:00:00Z';
    open('/erasure/aB-c_1', { ...RECEIPT, due_at, done_at: null, complete: false, stops: [] });
    expect(await screen.findByText(/Not erased yet\. It will be erased on 3 December 2099/)).toBeVisible();
    expect(screen.queryByText('Where')).toBeNull();
  });

  it('tells an unknown code from a known one, and takes another', async () => {
    open('/erasure/nonsense', null);
    expect(await screen.findByRole('alert')).toHaveTextContent('There is no receipt with this code here.');
    await userEvent.type(screen.getByLabelText('Code of the receipt'), ' https://x.test/erasure/aB-c_1 ');
    await userEvent.click(screen.getByRole('button', { name: 'Open the receipt' }));
    await screen.findByRole('alert');
    expect(asked.map(({ path }) => path)).toEqual(['/api/v1/erasures/nonsense', '/api/v1/erasures/aB-c_1']);
  });

  it('speaks Kiswahili', async () => {
    await switchLanguage('sw');
    open('/erasure/aB-c_1', {
      ...RECEIPT,
      complete: false,
      stops: [CLOUD, SILENT, { ...SILENT, school: 'X' }],
    });
    expect(await screen.findByText('Bado haijakamilika: visanduku 2 havijathibitisha.')).toBeVisible();
  });
});

describe('what stays', () => {
  it('has words for every table that an erasure does not empty', async () => {
    // The service's map of tables is the one source of what an erasure keeps.
    const { readFileSync } = await import('node:fs' as string);
    const source: string = readFileSync('../personal/places.go', 'utf8');
    const kept = source
      .split('{Table: ')
      .slice(1)
      .filter((place) => /End:\s+(Kept|Blanked)/.test(place))
      .map((place) => place.match(/^"(\w+)"/)?.[1] as string);
    expect(kept.length).toBeGreaterThan(15);
    expect(keptOf(kept.map((what) => ({ what, why: what }))).other).toEqual([]);
  });
});
