import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { queryClient } from '../../api/query';
import type { School } from '../../api/types';
import { Boxes } from './Boxes';

const held = {
  id: 'h1',
  appliance_id: 'b1',
  kind: 'quarantined',
  state: 'waiting',
  waiting: 3,
  told: 0,
  delivered: 0,
  last_asked_at: '2026-11-24T08:00:00Z',
};
const box = { appliance_id: 'b1', status: 'active', software: '', claimed_at: '2026-11-20T08:00:00Z' };
const change = {
  id: 'r1',
  reason: 'water',
  claimed_at: '2026-11-23T08:00:00Z',
  heard_at: '2026-11-22T08:00:00Z',
  missing: [
    { lane: 1, what: 'payments', count: 1, since: '2026-11-21T08:00:00Z' },
    { lane: 4, what: 'learning', count: 212, since: null },
  ],
};

function open(all: object) {
  const told: [string, unknown][] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    if ((init.method ?? 'GET') !== 'GET') told.push([url, JSON.parse(String(init.body))]);
    if (url.endsWith('/replacement')) {
      return new Response(JSON.stringify({ code: 'ABCD-EFGH-JKMN', expires_at: '2026-12-01T08:00:00Z' }));
    }
    if (url.includes('/held-boxes/')) {
      return new Response(
        JSON.stringify({ boxes: [box], replacements: [], held: [{ ...held, state: 'take_in' }] }),
      );
    }
    return new Response(JSON.stringify(all));
  });
  queryClient.clear();
  render(
    <QueryClientProvider client={queryClient}>
      <Boxes school={{ id: 's', name: 'Kawalase' } as School} />
    </QueryClientProvider>,
  );
  return told;
}

describe('the boxes of a school', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('lets an admin take in the work of a second box', async () => {
    const told = open({ boxes: [box], held: [held], replacements: [] });
    await screen.findByText(/3 records that have not arrived/);
    await userEvent.click(screen.getByRole('button', { name: 'Take in its work and retire it' }));
    await screen.findByText(/Decided: take in its work/);
    expect(told).toEqual([[expect.stringContaining('/schools/s/held-boxes/h1'), { action: 'take_in' }]]);
    expect(screen.getByRole('button', { name: 'Take in its work and retire it' })).toBeDisabled();
  });

  it('says when all of a retired box has arrived, and asks nothing more', async () => {
    open({ boxes: [box], held: [{ ...held, state: 'retired', told: 7, delivered: 7 }], replacements: [] });
    await screen.findByText(/all its 7 records have arrived/);
    expect(screen.queryByRole('button', { name: /Make it the school/ })).toBeNull();
  });

  it('itemises what was only on the old box', async () => {
    open({ boxes: [box], held: [], replacements: [change] });
    await screen.findByText(/1 payment record \(none arrived after/);
    expect(screen.getByText(/212 pieces of lessons and answers/)).toBeVisible();
  });

  it('makes the code of a spare in one action, and keeps why', async () => {
    const told = open({ boxes: [box], held: [], replacements: [] });
    await userEvent.click(await screen.findByText('Replace a dead box by a spare'));
    await userEvent.type(screen.getByLabelText(/What happened/), 'fell into the river');
    await userEvent.click(screen.getByRole('button', { name: 'Make a code for the spare' }));
    await screen.findByText('ABCD-EFGH-JKMN');
    expect(told).toEqual([
      [expect.stringContaining('/schools/s/replacement'), { reason: 'fell into the river' }],
    ]);
  });

  it('says that there is none yet', async () => {
    open({ boxes: [], held: [], replacements: [] });
    await screen.findByText('No box yet');
  });
});
