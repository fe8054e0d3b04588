import type { SyncStatus } from '../api/types';
import { sentence } from './sentence';

const status = (change: Partial<SyncStatus>): SyncStatus => ({
  side: 'school',
  claimed: true,
  school: { id: 's', name: 'Lakeside' },
  link: 'down',
  waiting: 0,
  oldest_waiting_at: null,
  version: '1',
  now: '2026-11-23T08:00:00Z',
  last_synced_at: '2026-11-23T07:42:00Z',
  ...change,
});

describe('the sentence about the work', () => {
  it('says nothing certain before the first answer', () => {
    expect(sentence({ reachable: null, status: null }).key).toBe('sync.checking');
  });

  it('says that the work waits while the internet is away', () => {
    expect(sentence({ reachable: true, status: status({ waiting: 212 }) })).toMatchObject({
      key: 'sync.waiting',
      count: 212,
    });
  });

  it('says that the work is on its way while the internet is there', () => {
    expect(sentence({ reachable: true, status: status({ waiting: 3, link: 'up' }) }).key).toBe(
      'sync.sending',
    );
  });

  it('says that all has arrived only when nothing waits', () => {
    expect(sentence({ reachable: true, status: status({ link: 'up' }) }).key).toBe('sync.done');
    expect(sentence({ reachable: true, status: status({ link: 'up', waiting: 1 }) }).key).not.toBe(
      'sync.done',
    );
  });

  it('does not hide that the internet is away when all has arrived', () => {
    expect(sentence({ reachable: true, status: status({}) }).key).toBe('sync.done_no_internet');
  });

  it('never claims an arrival that the cloud has not confirmed', () => {
    expect(sentence({ reachable: true, status: status({ last_synced_at: null }) }).key).toBe('sync.never');
  });

  it('says offline when the box does not answer, whatever was known before', () => {
    expect(sentence({ reachable: false, status: status({ link: 'up' }) })).toMatchObject({
      key: 'sync.offline',
      tone: 'away',
    });
  });

  it('names the cloud when the cloud serves the page', () => {
    expect(sentence({ reachable: true, status: status({ side: 'cloud' }) }).key).toBe('sync.cloud');
    expect(sentence({ reachable: false, status: status({ side: 'cloud' }) }).key).toBe('sync.offline_cloud');
  });
});
