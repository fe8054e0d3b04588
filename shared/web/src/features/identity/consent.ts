import type { Consent } from '../../api/types';

/** What a guardian may agree to. Each is asked by itself and off until somebody says yes. */
export const PURPOSES: readonly string[] = ['cloud_tutor'];

/** Names the wording of the purposes in the texts; a changed wording gets a new name. */
export const TEXT_VERSION = '2026-11';

/** What counts for a purpose: the latest word. The list is latest first. */
export function standing(consents: Consent[], purpose: string): Consent | undefined {
  return consents.find((c) => c.purpose === purpose);
}
