import { create } from 'zustand';
import { client, session, whenSessionEnds } from '../../api';
import { Problem } from '../../api/problem';
import { queryClient } from '../../api/query';
import type { Me, Tokens } from '../../api/types';

interface SessionState {
  state: 'checking' | 'in' | 'out' | 'unknown';
  me: Me | null;
  /** The last session ran out: the person did not end it. */
  expired: boolean;
  /** The person ended the last session: the next one starts at home, not on the last person's page. */
  left: boolean;
}

export const useSession = create<SessionState>(() => ({
  state: 'checking',
  me: null,
  expired: false,
  left: false,
}));

/** The person at this device. Only for pages behind the sign-in. */
export function useMe(): Me {
  const me = useSession((s) => s.me);
  if (!me) throw new Error('a page behind the sign-in was shown to nobody');
  return me;
}

/** Picks up the session of an earlier visit. "unknown" when the server could not be asked. */
export async function restoreSession(): Promise<void> {
  if (!session.read()) {
    useSession.setState({ state: 'out', me: null });
    return;
  }
  try {
    const me = await client.call<Me>('/auth/me');
    useSession.setState({ state: 'in', me, expired: false });
  } catch (error) {
    const signedOut = error instanceof Problem && !error.passing;
    if (signedOut) session.clear();
    useSession.setState({ state: signedOut ? 'out' : 'unknown', me: null });
  }
}

export async function signIn(path: '/auth/login' | '/auth/pin', body: object): Promise<void> {
  const tokens = await client.call<Tokens>(path, { method: 'POST', body, anonymous: true });
  forget();
  session.write(tokens);
  const me = await client.call<Me>('/auth/me');
  useSession.setState({ state: 'in', me, expired: false });
}

/** Ends the session here at once; the server is told as well, if it can be reached. */
export async function signOut(): Promise<void> {
  const told = session.read() ? client.call('/auth/logout', { method: 'POST', timeoutMs: 3_000 }) : undefined;
  await told?.catch(() => undefined);
  forget();
  useSession.setState({ state: 'out', me: null, expired: false, left: true });
}

/** The next person at this device sees nothing of the last one. */
function forget(): void {
  session.clear();
  queryClient.clear();
}

/** Follows what happens to the session outside this page. */
export function watchSession(): void {
  whenSessionEnds(() => {
    queryClient.clear();
    useSession.setState({ state: 'out', me: null, expired: true });
  });
  window.addEventListener('storage', (event) => {
    if (event.key === 'uhs.session' && event.newValue === null && useSession.getState().state === 'in') {
      queryClient.clear();
      useSession.setState({ state: 'out', me: null, expired: false, left: true });
    }
  });
}
