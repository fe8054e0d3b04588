import { create } from 'zustand';
import type { Client } from '../api/client';
import type { SyncStatus } from '../api/types';
import type { Connection } from './sentence';

const SIDE_KEY = 'uhs.side';
const BEAT_MS = 5_000;
/** While nothing answers we ask more often, so that the way back is noticed at once. */
const LOST_BEAT_MS = 2_000;
const BEAT_TIMEOUT_MS = 4_000;

export const useConnection = create<Connection>(() => ({ reachable: null, status: null }));

/** Called for every answer and every failure to get one. */
export function noteReached(ok: boolean): void {
  if (useConnection.getState().reachable !== ok) useConnection.setState({ reachable: ok });
}

/** True on the school's box, where devices are shared. Remembered, so that a reload knows it before the first answer. */
export function onSharedDevice(): boolean {
  const side = useConnection.getState().status?.side ?? localStorage.getItem(SIDE_KEY);
  return side !== 'cloud';
}

/** Asks the server how the work stands, every few seconds while the page is visible. Returns the way to stop. */
export function startHeartbeat(
  client: Pick<Client, 'call'>,
  onStatus: (status: SyncStatus) => void,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = false;

  const beat = async () => {
    clearTimeout(timer);
    if (running || document.hidden) return;
    running = true;
    try {
      const status = await client.call<SyncStatus>('/sync/status', {
        anonymous: true,
        timeoutMs: BEAT_TIMEOUT_MS,
      });
      localStorage.setItem(SIDE_KEY, status.side);
      useConnection.setState({ status, reachable: true });
      onStatus(status);
    } catch {
      // The client has already noted whether an answer came.
    } finally {
      running = false;
      timer = setTimeout(beat, useConnection.getState().reachable ? BEAT_MS : LOST_BEAT_MS);
    }
  };
  const now = () => void beat();

  document.addEventListener('visibilitychange', now);
  window.addEventListener('online', now);
  window.addEventListener('offline', now);
  now();
  return () => {
    clearTimeout(timer);
    running = true;
    document.removeEventListener('visibilitychange', now);
    window.removeEventListener('online', now);
    window.removeEventListener('offline', now);
  };
}
