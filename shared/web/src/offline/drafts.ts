import type { Answer } from '../api/types';
import { type Draft, database } from './database';
import { newId } from './id';

const DELAY_MS = 400;

const keyOf = (user: string, assessmentId: string) => `${user}/${assessmentId}`;

/** The draft of this person for this quiz: the stored one, or a new one with a fresh attempt id. */
export async function openDraft(user: string, assessmentId: string): Promise<Draft> {
  const db = await database();
  const key = keyOf(user, assessmentId);
  const stored = await db.get('drafts', key);
  if (stored) return stored;

  const draft: Draft = {
    key,
    user,
    assessmentId,
    attemptId: newId(),
    answers: {},
    savedAt: new Date().toISOString(),
  };
  await db.put('drafts', draft);
  return draft;
}

export async function dropDraft(user: string, assessmentId: string): Promise<void> {
  await (await database()).delete('drafts', keyOf(user, assessmentId));
}

/**
 * Keeps a draft on this device at most DELAY_MS after the last change, and at once when the
 * page is hidden or left.
 */
export class DraftKeeper {
  private timer: ReturnType<typeof setTimeout> | null = null;
  private closed = false;
  private writing: Promise<unknown> = Promise.resolve();

  constructor(
    private draft: Draft,
    private readonly kept: (at: string) => void = () => {},
  ) {}

  get current(): Draft {
    return this.draft;
  }

  set(questionId: string, answer: Answer): void {
    if (this.closed) return;
    this.draft = { ...this.draft, answers: { ...this.draft.answers, [questionId]: answer } };
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), DELAY_MS);
  }

  async flush(): Promise<void> {
    if (!this.timer) return this.writing.then(() => undefined);
    clearTimeout(this.timer);
    this.timer = null;

    const draft = { ...this.draft, savedAt: new Date().toISOString() };
    this.writing = this.writing.then(async () => {
      await (await database()).put('drafts', draft);
      this.kept(draft.savedAt);
    });
    await this.writing;
  }

  /** No write may follow: the answers are handed in. */
  async close(): Promise<void> {
    await this.flush();
    this.closed = true;
  }
}
