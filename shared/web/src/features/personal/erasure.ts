import { queryOptions } from '@tanstack/react-query';
import { service } from '../../api';
import { Problem } from '../../api/problem';
import type { Erasure } from '../../api/types';

/** Whether the service says that there is no such request. */
export const isUnknown = (error: unknown) => error instanceof Problem && error.code === 'no_erasure';

/** The request about a person that stands, with its receipt; null when there is none. */
export const erasureQuery = (person: string) =>
  queryOptions({
    queryKey: ['erasure', person],
    queryFn: async (): Promise<Erasure | null> => {
      try {
        return await service.get('/people/{id}/erasure', { path: { id: person } });
      } catch (error) {
        if (isUnknown(error)) return null;
        throw error;
      }
    },
  });

/** A receipt, for whoever has its code. */
export const receiptQuery = (code: string) =>
  queryOptions({
    queryKey: ['erasure-receipt', code],
    queryFn: () => service.get('/erasures/{code}', { path: { code }, anonymous: true }),
    // A box may confirm while somebody looks.
    refetchInterval: ({ state }) => (state.data?.complete === false ? 60_000 : false),
  });

/** What stays, in words: each reason with the tables that it speaks for. */
const KEPT: Record<string, RegExp> = {
  money: /^(payment|ledger)_/,
  log: /^(audit_entries|outbox)$/,
  consent: /^consents$/,
  school: /^(classes|schools|courses)$/,
  door: /^(door_uses|barrings)$/,
  erasure: /^erasure(s|_receipts|_requests)$/,
};

/** The names of all reasons, in the order in which they are told. */
export const REASONS = Object.keys(KEPT);

/** The reasons of a receipt; what this app has no words for comes in the service's own. */
export function keptOf(kept: Erasure['kept']): { known: string[]; other: string[] } {
  const has = (reason: string, what: string) => Boolean(KEPT[reason]?.test(what));
  return {
    known: REASONS.filter((reason) => kept.some(({ what }) => has(reason, what))),
    other: [
      ...new Set(
        kept.filter(({ what }) => !REASONS.some((reason) => has(reason, what))).map(({ why }) => why),
      ),
    ],
  };
}
