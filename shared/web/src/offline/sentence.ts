import type { Role, SyncStatus } from '../api/types';

export interface Connection {
  /** null until the first answer or failure. */
  reachable: boolean | null;
  status: SyncStatus | null;
}

export interface Sentence {
  tone: 'quiet' | 'busy' | 'away';
  /** Which picture stands beside the words. */
  icon: 'cloud' | 'box' | 'sending' | 'offline' | 'checking';
  key: string;
  count?: number;
  at?: string;
}

/**
 * The plain sentence about where the work is. It never says more than the server said: "saved"
 * only for what the box holds, "reached the cloud" only for what the cloud confirmed.
 */
export function sentence({ reachable, status }: Connection): Sentence {
  if (reachable === false) {
    return {
      tone: 'away',
      icon: 'offline',
      key: status?.side === 'cloud' ? 'sync.offline_cloud' : 'sync.offline',
    };
  }
  if (!status) return { tone: 'quiet', icon: 'checking', key: 'sync.checking' };
  if (status.side === 'cloud') return { tone: 'quiet', icon: 'cloud', key: 'sync.cloud' };

  if (status.waiting > 0) {
    return status.link === 'up'
      ? { tone: 'busy', icon: 'sending', key: 'sync.sending', count: status.waiting }
      : { tone: 'busy', icon: 'box', key: 'sync.waiting', count: status.waiting };
  }
  const at = status.last_synced_at ?? undefined;
  if (!at) return { tone: 'quiet', icon: 'box', key: 'sync.never' };
  const key = status.link === 'up' ? 'sync.done' : 'sync.done_no_internet';
  return { tone: 'quiet', icon: 'cloud', key, at };
}

export interface Advice {
  key: string;
  /** A second sentence, about the newest safety copy. */
  more?: string;
  count?: number;
  /** When it began, or the newest copy was made. */
  at?: string;
  /** How the time is said: the day it began, or how long ago. */
  said: 'since' | 'ago';
  link?: { to: string; key: string };
  urgent: boolean;
}

/** Where a need is seen to. */
const LINKS: Partial<Record<string, Advice['link']>> = {
  carry: { to: '/carry', key: 'sync.need.carry_link' },
  not_known: { to: '/claim-again', key: 'sync.need.claim_link' },
  replaced: { to: '/claim-again', key: 'sync.need.claim_link' },
};

/** What can be wrong with the safety copy and has a sentence of its own; anything else is a medium that fails. */
const COPY = ['missing', 'full', 'read_only', 'failing', 'unreachable', 'refused', 'no_key'];

/**
 * What somebody should do, for grown-ups only: the most urgent need of the box, else how old its
 * safety copy is. Children see the sentence alone.
 */
export function advice({ reachable, status }: Connection, role: Role | undefined): Advice | null {
  if (reachable === false || !status || status.side !== 'school') return null;
  if (role !== 'instructor' && role !== 'admin') return null;
  const need = status.needs[0];
  if (!need) {
    if (status.copy_state !== 'ok' || !status.copy_at) return null;
    return { key: 'sync.copy_ok', at: status.copy_at, said: 'ago', urgent: false };
  }
  const at = need.since ?? undefined;
  if (need.code === 'copy') {
    return {
      key: `sync.need.copy_${COPY.includes(status.copy_state ?? '') ? status.copy_state : 'failing'}`,
      more: status.copy_at ? 'sync.copy_newest' : 'sync.copy_none',
      at: status.copy_at ?? undefined,
      said: 'ago',
      urgent: true,
    };
  }
  return {
    key: `sync.need.${need.code}`,
    count: need.count,
    at,
    said: 'since',
    link: LINKS[need.code],
    urgent: need.code !== 'payment' && need.code !== 'retired',
  };
}
