import { Problem, readProblem } from './problem';
import type { SessionStore } from './session';
import type { Tokens } from './types';

const BASE = '/api/v1';
const TIMEOUT_MS = 20_000;

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  body?: unknown;
  /** The bytes of a file, sent as they are. */
  file?: Blob;
  query?: Record<string, string | number | undefined>;
  /** Sign-in calls go without a token and never trigger a refresh. */
  anonymous?: boolean;
  signal?: AbortSignal;
  timeoutMs?: number;
}

/** What the client tells the app about. */
export interface ClientEvents {
  /** An answer came (true) or none came (false). */
  reached(ok: boolean): void;
  /** The session cannot be renewed; the person has to sign in again. */
  ended(): void;
}

/**
 * The one door to the service: adds the token, renews it once for all calls that find it
 * expired, and turns every failure into a Problem.
 */
export class Client {
  private refreshing: Promise<boolean> | null = null;

  constructor(
    private readonly session: SessionStore,
    private readonly events: ClientEvents,
    private readonly fetcher: typeof fetch = (...args) => fetch(...args),
  ) {}

  async call<T>(path: string, call: Call = {}): Promise<T> {
    const answer = await this.ask(path, call);
    return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
  }

  /** A file that only this person may read. */
  async download(path: string): Promise<Blob> {
    return (await this.ask(path, {})).blob();
  }

  private async ask(path: string, call: Call): Promise<Response> {
    const used = call.anonymous ? null : this.session.read();
    let answer = await this.send(path, call, used);

    if (answer.status === 401 && used && !(await isAboutSecret(answer)) && (await this.renew(used))) {
      answer = await this.send(path, call, this.session.read());
    }
    if (!answer.ok) throw await readProblem(answer);
    return answer;
  }

  private async send(path: string, call: Call, tokens: Tokens | null): Promise<Response> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (call.body !== undefined) headers['Content-Type'] = 'application/json';
    if (call.file) headers['Content-Type'] = 'application/octet-stream';
    if (tokens) headers.Authorization = `Bearer ${tokens.access_token}`;

    const control = new AbortController();
    const stop = () => control.abort();
    const timer = setTimeout(stop, call.timeoutMs ?? TIMEOUT_MS);
    call.signal?.addEventListener('abort', stop);
    try {
      const answer = await this.fetcher(BASE + path + queryString(call.query), {
        method: call.method ?? 'GET',
        headers,
        body: call.file ?? (call.body === undefined ? undefined : JSON.stringify(call.body)),
        signal: control.signal,
        cache: 'no-store',
      });
      // A proxy that answers for a dead service is not the service.
      this.events.reached(answer.status !== 502 && answer.status !== 504);
      return answer;
    } catch (error) {
      if (call.signal?.aborted) throw error;
      this.events.reached(false);
      throw new Problem(0);
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener('abort', stop);
    }
  }

  /** Renews the tokens now, before they have expired. */
  async renewNow(): Promise<void> {
    const used = this.session.read();
    if (used) await this.renew(used);
  }

  /** Renews the tokens at most once at a time; true when a usable token is stored afterwards. */
  private renew(used: Tokens): Promise<boolean> {
    this.refreshing ??= exclusive('uhs-refresh', () => this.refresh(used)).finally(() => {
      this.refreshing = null;
    });
    return this.refreshing;
  }

  private async refresh(used: Tokens): Promise<boolean> {
    const stored = this.session.read();
    if (!stored) return false;
    // Another call or another tab has renewed while this one waited.
    if (stored.access_token !== used.access_token) return true;

    const call: Call = { method: 'POST', body: { refresh_token: stored.refresh_token }, anonymous: true };
    const answer = await this.send('/auth/refresh', call, null);
    if (answer.ok) {
      this.session.write((await answer.json()) as Tokens);
      return true;
    }
    const problem = await readProblem(answer);
    // A busy server is no reason to sign a child out.
    if (problem.passing) throw problem;
    this.session.clear();
    this.events.ended();
    return false;
  }
}

const SECRETS = new Set([
  'wrong_password',
  'wrong_code',
  'second_factor',
  'wrong_pin',
  'wrong_pictures',
  'wrong_door_code',
]);

/** Whether a 401 refuses the secret in the request, not its token: a second try with it would count as a guess. */
async function isAboutSecret(answer: Response): Promise<boolean> {
  return SECRETS.has((await readProblem(answer.clone())).code);
}

/** Web Locks exist only where the origin is secure; elsewhere the session is one tab's own. */
function exclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (typeof navigator !== 'undefined' && navigator.locks) {
    return navigator.locks.request(name, work) as Promise<T>;
  }
  return work();
}

function queryString(query: Call['query']): string {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== '');
  if (pairs.length === 0) return '';
  return `?${new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString()}`;
}
