import type { Client } from '../api/client';
import { Problem } from '../api/problem';
import { database, type Unsent } from './database';

export type Outcome =
  | { state: 'done'; answer: unknown }
  | { state: 'waiting' }
  | { state: 'refused'; problem: Problem };

/**
 * The work of the signed-in person that the server has not confirmed yet. An entry leaves
 * only after the server answered that it has it, or when the person discards it; sending
 * twice is harmless because every entry carries its own idempotent id.
 */
export class Outbox {
  private sending: Promise<Map<string, Outcome>> | null = null;
  private listeners = new Set<() => void>();

  constructor(private readonly client: Pick<Client, 'call'>) {}

  /** Tells the listener after every change; returns the way to stop. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async list(user: string): Promise<Unsent[]> {
    const all = await (await database()).getAllFromIndex('unsent', 'user', user);
    return all.sort((a, b) => a.createdAt.localeCompare(b.createdAt));
  }

  /** Keeps the work on this device and tries to send it at once. */
  async add(entry: Omit<Unsent, 'createdAt' | 'refused'>): Promise<Outcome> {
    await (await database()).put('unsent', { ...entry, createdAt: new Date().toISOString() });
    this.changed();
    // A run that began before this entry was written may not have seen it.
    await this.sending?.catch(() => undefined);
    const outcomes = await this.flush(entry.user);
    return outcomes.get(entry.id) ?? { state: 'waiting' };
  }

  async discard(id: string): Promise<void> {
    await (await database()).delete('unsent', id);
    this.changed();
  }

  async retry(id: string, user: string): Promise<Outcome> {
    const db = await database();
    const entry = await db.get('unsent', id);
    if (!entry) return { state: 'waiting' };
    const { refused: _, ...clean } = entry;
    await db.put('unsent', clean);
    const outcomes = await this.flush(user);
    return outcomes.get(id) ?? { state: 'waiting' };
  }

  /** Sends what waits, oldest first, one run at a time. */
  flush(user: string): Promise<Map<string, Outcome>> {
    this.sending ??= this.run(user).finally(() => {
      this.sending = null;
      this.changed();
    });
    return this.sending;
  }

  private async run(user: string): Promise<Map<string, Outcome>> {
    const outcomes = new Map<string, Outcome>();
    for (const entry of await this.list(user)) {
      if (entry.refused) continue;
      const outcome = await this.sendOne(entry);
      outcomes.set(entry.id, outcome);
      if (outcome.state === 'waiting') break; // the server is away: the rest waits too
    }
    return outcomes;
  }

  private async sendOne(entry: Unsent): Promise<Outcome> {
    try {
      const answer = await this.client.call(entry.path, { method: 'POST', body: entry.body });
      await (await database()).delete('unsent', entry.id);
      return { state: 'done', answer };
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(0);
      // 401: the person signs in again and the work is still here.
      if (problem.passing || problem.status === 401) return { state: 'waiting' };
      if (entry.kind === 'time') {
        await (await database()).delete('unsent', entry.id);
        return { state: 'refused', problem };
      }
      const refused = { code: problem.code, status: problem.status, requestId: problem.requestId };
      await (await database()).put('unsent', { ...entry, refused });
      return { state: 'refused', problem };
    }
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}
