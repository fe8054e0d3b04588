import { Problem, readProblem } from '../../api/problem';
import type { HandOver } from '../../api/types';

const AT = '/api/v1/carry/uploads';
const SLICE_TIMEOUT_MS = 60_000;
/** The first slice holds the front of the file, by which the other side knows whose it is. */
const SMALLEST = 32 << 10;
const LARGEST = 512 << 10;
const PROMPT_MS = 2_000;
const POLL_MS = 1_000;
const WAIT_MS = [1_000, 2_000, 5_000, 10_000];

export interface Watch {
  /** Each time it has gone on, or stands still because no answer comes. */
  progress(state: HandOver | null, waiting: boolean): void;
  signal?: AbortSignal;
  /** Replaced in tests. */
  fetcher?: typeof fetch;
  sleep?: (ms: number) => Promise<void>;
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/**
 * Hands a file over in slices and waits until the other side has stored what it holds. A slice that
 * gets no answer is sent again for as long as it takes; the other side says where to go on, so a
 * reload or another phone with the same file continues where the last one stopped.
 */
export async function handOver(file: Blob, watch: Watch): Promise<HandOver> {
  let size = SMALLEST * 4;
  let failures = 0;
  let state: HandOver | null = null;
  for (;;) {
    if (watch.signal?.aborted) throw new DOMException('stopped', 'AbortError');
    const began = Date.now();
    try {
      state = await next(file, state, size, watch);
      failures = 0;
      watch.progress(state, false);
    } catch (error) {
      if (watch.signal?.aborted || !(error instanceof Problem) || !error.passing || error.code) throw error;
      size = Math.max(SMALLEST, size / 2);
      watch.progress(state, true);
      await (watch.sleep ?? pause)(WAIT_MS[Math.min(failures, WAIT_MS.length - 1)] as number);
      failures += 1;
      continue;
    }
    if (state.stage === 'done') return state;
    if (state.stage === 'failed') throw new Problem(422, { code: state.code || 'bundle_torn' });
    if (state.received >= file.size) await (watch.sleep ?? pause)(POLL_MS);
    else if (Date.now() - began < PROMPT_MS) size = Math.min(LARGEST, size * 2);
  }
}

async function next(file: Blob, state: HandOver | null, size: number, watch: Watch): Promise<HandOver> {
  if (!state) return send(`${AT}?size=${file.size}`, await bytes(file, 0, size), watch);
  if (state.received >= file.size) return send(`${AT}/${state.id}`, null, watch);
  const slice = await bytes(file, state.received, size);
  return send(`${AT}/${state.id}?offset=${state.received}`, slice, watch);
}

/** A reader, since old browsers give no bytes of a Blob otherwise. The phone's own file may have gone meanwhile. */
function bytes(file: Blob, from: number, size: number): Promise<ArrayBuffer> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result as ArrayBuffer);
    reader.onerror = () => failed(new Problem(422, { code: 'bundle_slice' }));
    reader.readAsArrayBuffer(file.slice(from, from + size));
  });
}

async function send(url: string, body: ArrayBuffer | null, watch: Watch): Promise<HandOver> {
  const control = new AbortController();
  const stop = () => control.abort();
  const timer = setTimeout(stop, SLICE_TIMEOUT_MS);
  watch.signal?.addEventListener('abort', stop);
  try {
    const answer = await (watch.fetcher ?? fetch)(url, {
      method: body ? 'POST' : 'GET',
      headers: body ? { 'Content-Type': 'application/octet-stream' } : undefined,
      body,
      signal: control.signal,
      cache: 'no-store',
    });
    if (!answer.ok) throw await readProblem(answer);
    return (await answer.json()) as HandOver;
  } catch (error) {
    if (error instanceof Problem || watch.signal?.aborted) throw error;
    throw new Problem(0);
  } finally {
    clearTimeout(timer);
    watch.signal?.removeEventListener('abort', stop);
  }
}
