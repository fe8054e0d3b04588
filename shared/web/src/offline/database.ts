import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { Answer } from '../api/types';

/** Answers of a quiz that is not handed in yet. The key is person and quiz. */
export interface Draft {
  key: string;
  user: string;
  assessmentId: string;
  /** Made when the quiz is opened, kept until the server has the answers: a second send is the same attempt. */
  attemptId: string;
  answers: Record<string, Answer>;
  savedAt: string;
}

/** One piece of work that the server has not confirmed. */
export interface Unsent {
  id: string;
  user: string;
  /** "time" is not shown to the person: minutes spent are no work of hers that could get lost. */
  kind: 'quiz' | 'lesson' | 'time';
  /** What the person knows it by. */
  title: string;
  path: string;
  body: unknown;
  createdAt: string;
  /** Set when the server refused it: the person decides what happens. */
  refused?: { code: string; status: number; requestId: string };
}

interface Schema extends DBSchema {
  drafts: { key: string; value: Draft; indexes: { user: string } };
  unsent: { key: string; value: Unsent; indexes: { user: string } };
}

let opened: Promise<IDBPDatabase<Schema>> | null = null;

/** The browser's own database; it exists on plain http too. */
export function database(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>('uhs', 1, {
    upgrade(db) {
      db.createObjectStore('drafts', { keyPath: 'key' }).createIndex('user', 'user');
      db.createObjectStore('unsent', { keyPath: 'id' }).createIndex('user', 'user');
    },
    terminated() {
      opened = null;
    },
  });
  return opened;
}
