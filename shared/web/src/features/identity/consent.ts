import { queryOptions } from '@tanstack/react-query';
import { client, service } from '../../api';
import type { Consent, ConsentTexts } from '../../api/types';
import { PAGE, shrink } from '../accounts/shrink';

/** What guardians may agree to, in the words of the present version. Each is asked by itself. */
export const textsQuery = (language: string) =>
  queryOptions({
    queryKey: ['consent-texts', language],
    queryFn: (): Promise<ConsentTexts> =>
      service.get('/consent-texts', { query: { language: language.startsWith('sw') ? 'sw' : 'en' } }),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** What counts for a purpose: the latest word. The list is latest first. */
export function standing(consents: Consent[], purpose: string): Consent | undefined {
  return consents.find((c) => c.purpose === purpose);
}

/** Sends the photo of a signed form, made small on the phone; the service gives it a name. */
export async function sendPhoto(learner: string, photo: Blob): Promise<string> {
  const answer = await client.call<{ photo: string }>(
    `/learners/${encodeURIComponent(learner)}/consent-photos`,
    {
      method: 'POST',
      file: await shrink(photo, PAGE),
      timeoutMs: 120_000,
    },
  );
  return answer.photo;
}
