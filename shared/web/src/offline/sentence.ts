import type { SyncStatus } from '../api/types';

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
