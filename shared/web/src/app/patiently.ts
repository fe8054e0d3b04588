import { noteReached, useConnection } from '../offline/connection';

const RELOADED_KEY = 'uhs.reloaded';
const RELOAD_PAUSE_MS = 30_000;

/** What patiently needs of the browser. */
export interface Surroundings {
  /** Asks whether the server answers at all. */
  answers(): Promise<boolean>;
  /** Loads the whole page anew. */
  reload(): void;
}

const browser: Surroundings = {
  answers: async () => {
    try {
      return (await fetch('/api/v1/sync/status', { cache: 'no-store' })).ok;
    } catch {
      return false;
    }
  },
  reload: () => window.location.reload(),
};

/**
 * Loads a part of the app. While the server is away it waits for the way back: a reload would
 * only lose the page. When the server is there but the part is gone, the app was updated, and
 * the new one is loaded, once.
 */
export async function patiently<T>(load: () => Promise<T>, around: Surroundings = browser): Promise<T> {
  for (;;) {
    try {
      return await load();
    } catch (error) {
      if (await around.answers()) {
        const last = Number(sessionStorage.getItem(RELOADED_KEY) ?? 0);
        if (Date.now() - last < RELOAD_PAUSE_MS) throw error;
        sessionStorage.setItem(RELOADED_KEY, String(Date.now()));
        around.reload();
      } else {
        noteReached(false);
      }
      await back();
    }
  }
}

function back(): Promise<void> {
  return new Promise((resolve) => {
    const stop = useConnection.subscribe(({ reachable }, before) => {
      if (!reachable || before.reachable) return;
      stop();
      resolve();
    });
  });
}
