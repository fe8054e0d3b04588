import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { RosterLine } from '../../api/types';
import { newId } from '../../offline/id';

/** A learner somebody typed and the school's list does not have yet. */
export interface TypedRow {
  /** Goes with the request: a row sent twice adds one learner. */
  id: string;
  name: string;
  admission: string;
  /** Somebody looked: it is not the child she looks like. */
  another?: boolean;
  /** Why the last try to save her was refused: a code of the service. */
  refused?: string;
}

/** A class that is being typed, as this device keeps it. */
export interface Typed {
  key: string;
  grade: string;
  className: string;
  rows: TypedRow[];
  /** What stands in the field and was not taken over with Enter. */
  text: string;
}

interface Schema extends DBSchema {
  typed: { key: string; value: Typed };
}

let opened: Promise<IDBPDatabase<Schema>> | null = null;

/** A database of its own: only teachers' phones have it. */
function database(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>('uhs-typed', 1, {
    upgrade(db) {
      db.createObjectStore('typed', { keyPath: 'key' });
    },
    terminated() {
      opened = null;
    },
  });
  return opened;
}

const keyOf = (user: string, school: string) => `${user}/${school}`;

/** What this person has typed for this school and not saved yet; an empty class where there is nothing. */
export async function openTyped(user: string, school: string): Promise<Typed> {
  const key = keyOf(user, school);
  const kept = await (await database()).get('typed', key);
  return kept ?? { key, grade: '', className: '', rows: [], text: '' };
}

let writing: Promise<unknown> = Promise.resolve();

/** Keeps it on the disk of this device, one write after the other; the promise is kept when it is there. */
export function keepTyped(typed: Typed): Promise<void> {
  const write = writing
    .catch(() => undefined)
    .then(async () => {
      // "strict" waits for the disk, not for its cache: the battery may die at any name.
      const tx = (await database()).transaction('typed', 'readwrite', { durability: 'strict' });
      const empty = typed.rows.length === 0 && typed.text === '';
      await (empty ? tx.store.delete(typed.key) : tx.store.put(typed));
      await tx.done;
    });
  writing = write;
  return write;
}

/** Reads "Achieng Otieno, 1234" as a name and an admission number; null where there is no name. */
export function rowOf(text: string): TypedRow | null {
  const [name = '', admission = ''] = text.split(/,(.*)/s).map((part) => part.replace(/\s+/g, ' ').trim());
  return name ? { id: newId(), name, admission } : null;
}

/** The row as it was typed. */
export const textOf = (row: TypedRow) => (row.admission ? `${row.name}, ${row.admission}` : row.name);

/** "Otieno Mary" is "mary otieno": the order of names differs from list to list. */
export const nameKey = (name: string) => name.toLowerCase().split(/\s+/).filter(Boolean).sort().join(' ');

/** Why a row is pointed out: the name or the number is in this list, or at the school already. */
export type Doubt = 'name_in_list' | 'number_in_list' | 'name_in_class' | 'number_at_school';

/** The rows that may be a child who is there already, by id. A row that somebody looked at is in no doubt. */
export function doubtsOf(rows: TypedRow[], className: string, here: RosterLine[]): Map<string, Doubt> {
  const doubts = new Map<string, Doubt>();
  const inClass = new Set(here.filter((l) => l.class_name === className).map((l) => nameKey(l.full_name)));
  const numbers = new Set(here.map((l) => (l.admission_number ?? '').toLowerCase()).filter(Boolean));
  const names = new Set<string>();
  const typedNumbers = new Set<string>();
  for (const row of rows) {
    const name = nameKey(row.name);
    const number = row.admission.toLowerCase();
    const doubt: Doubt | false =
      (number !== '' && typedNumbers.has(number) && 'number_in_list') ||
      (number !== '' && numbers.has(number) && 'number_at_school') ||
      (names.has(name) && 'name_in_list') ||
      (inClass.has(name) && 'name_in_class');
    if (doubt && !row.another) doubts.set(row.id, doubt);
    names.add(name);
    if (number) typedNumbers.add(number);
  }
  return doubts;
}
