import { openDB } from 'idb';

/**
 * The file that is being handed over, kept in this browser so that a reload goes on by itself. It is
 * an extra: where there is no room for it, the person chooses the file again.
 */
const DB = 'uhs-carry';
const STORE = 'file';

async function db() {
  return openDB(DB, 1, { upgrade: (d) => void d.createObjectStore(STORE) });
}

/** One step after the other: a file that is done must not be kept after it was dropped. */
let last: Promise<unknown> = Promise.resolve();

function then<T>(step: () => Promise<T>): Promise<T | null> {
  // No room, or a browser that keeps no files, is no failure of the hand-over.
  const done = last.then(step).catch(() => null);
  last = done;
  return done;
}

export function keepFile(file: File): Promise<unknown> {
  return then(async () => (await db()).put(STORE, file, 'now'));
}

export async function keptFile(): Promise<File | null> {
  const file: unknown = await then(async () => (await db()).get(STORE, 'now'));
  return file instanceof Blob ? (file as File) : null;
}

export function dropFile(): Promise<unknown> {
  return then(async () => (await db()).delete(STORE, 'now'));
}
