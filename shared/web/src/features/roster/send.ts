import { service } from '../../api';
import { Problem } from '../../api/problem';
import type { Typed, TypedRow } from './typed';

/** How long to wait when the service has heard enough from this device for a minute. */
const BUSY_MS = 5_000;
const BUSY_TRIES = 24;

const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function addRow(school: string, { grade, className }: Typed, row: TypedRow): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await service.post('/schools/{id}/roster', {
        path: { id: school },
        body: {
          id: row.id,
          full_name: row.name,
          grade,
          class_name: className || grade,
          ...(row.admission && { admission_number: row.admission }),
        },
      });
      return;
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 429 || tries >= BUSY_TRIES) throw error;
      await wait(BUSY_MS);
    }
  }
}

/**
 * Adds the rows, one after the other, and tells of each: that she is on the list, or why not. Stops, with
 * the error, where no answer comes; the rest waits on this device.
 */
export async function sendRows(
  school: string,
  typed: Typed,
  rows: TypedRow[],
  told: (row: TypedRow, refused: string | null) => void,
): Promise<void> {
  for (const row of rows) {
    try {
      await addRow(school, typed, row);
      told(row, null);
    } catch (error) {
      // About this row the service said no; anything else is about all of them.
      if (!(error instanceof Problem) || error.status !== 422 || !error.code) throw error;
      told(row, error.code);
    }
  }
}
