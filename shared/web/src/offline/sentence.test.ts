import type { SyncStatus } from '../api/types';
import { advice, sentence } from './sentence';

const status = (change: Partial<SyncStatus>): SyncStatus => ({
  side: 'school',
  claimed: true,
  school: { id: 's', name: 'Lakeside' },
  link: 'down',
  waiting: 0,
  oldest_waiting_at: null,
  version: '1',
  now: '2026-11-23T08:00:00Z',
  needs: [],
  copy_at: null,
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

describe('what a grown-up should do', () => {
  const carry = { code: 'carry' as const, count: 212, since: '2026-11-20T08:00:00Z' };
  const on = (change: Partial<SyncStatus>) => ({ reachable: true, status: status(change) });

  it('is to carry the work when it waits for days', () => {
    expect(advice(on({ waiting: 212, needs: [carry] }), 'instructor')).toMatchObject({
      key: 'sync.need.carry',
      count: 212,
      at: carry.since,
      link: { to: '/carry' },
    });
  });

  it('is never shown to a child, a parent or somebody who has not signed in', () => {
    for (const role of ['student', 'parent', undefined] as const) {
      expect(advice(on({ needs: [carry] }), role)).toBeNull();
    }
  });

  it('is the most urgent thing alone', () => {
    const disk = { code: 'disk' as const, count: 300, since: null };
    expect(advice(on({ needs: [disk, carry] }), 'instructor')?.key).toBe('sync.need.disk');
  });

  it('says what is wrong with the safety copy, and how old the newest is', () => {
    const copy = { code: 'copy' as const, count: 0, since: null };
    const full = on({ needs: [copy], copy_state: 'full', copy_at: '2026-11-23T07:00:00Z' });
    expect(advice(full, 'instructor')).toMatchObject({
      key: 'sync.need.copy_full',
      more: 'sync.copy_newest',
      at: '2026-11-23T07:00:00Z',
    });
    const never = on({ needs: [copy], copy_state: 'missing' });
    expect(advice(never, 'instructor')).toMatchObject({
      key: 'sync.need.copy_missing',
      more: 'sync.copy_none',
    });
    const later = on({ needs: [copy], copy_state: 'of_a_newer_version' });
    expect(advice(later, 'instructor')?.key).toBe('sync.need.copy_failing');
  });

  it('says how old the safety copy is when all is well', () => {
    const well = on({ copy_state: 'ok', copy_at: '2026-11-23T07:57:00Z' });
    expect(advice(well, 'instructor')).toMatchObject({ key: 'sync.copy_ok', said: 'ago', urgent: false });
    expect(advice(on({}), 'instructor')).toBeNull();
  });

  it('says nothing when the box does not answer', () => {
    expect(advice({ reachable: false, status: status({ needs: [carry] }) }, 'instructor')).toBeNull();
  });
});
