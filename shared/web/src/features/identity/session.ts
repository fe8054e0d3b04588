import { create } from 'zustand';
import { renewSession, service, session, whenSessionEnds } from '../../api';
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
    const me = await whoAmI();
    useSession.setState({ state: 'in', me, expired: false });
  } catch (error) {
    const signedOut = error instanceof Problem && !error.passing;
    if (signedOut) session.clear();
    useSession.setState({ state: signedOut ? 'out' : 'unknown', me: null });
  }
}

/** What a person shows at the door: a learner her PIN, everybody else e-mail and password. */
export type Secret =
  | { learner_id: string; pin: string }
  | { learner_id: string; pictures: string[] }
  | { email: string; password: string; code?: string };

export async function signIn(secret: Secret): Promise<void> {
  const tokens =
    'pin' in secret
      ? await service.post('/auth/pin', { body: secret, anonymous: true })
      : 'pictures' in secret
        ? await service.post('/auth/pictures', { body: secret, anonymous: true })
        : await service.post('/auth/login', { body: secret, anonymous: true });
  forget();
  session.write(tokens);
  const me = await whoAmI();
  useSession.setState({ state: 'in', me, expired: false });
}

/** Gives this device to another person, whose session the tokens open: nothing of the last one is left. */
export async function takeOver(tokens: Tokens): Promise<void> {
  forget();
  session.write(tokens);
  await restoreSession();
}

/** Renews the tokens and reads again who is signed in, after something about her changed. */
export async function reloadMe(): Promise<void> {
  await renewSession();
  useSession.setState({ me: await whoAmI() });
}

/** Who the stored session belongs to. */
const whoAmI = () => service.get('/auth/me') as Promise<Me>;

/** Ends the session here at once; the server is told as well, if it can be reached. */
export async function signOut(): Promise<void> {
  const told = session.read() ? service.post('/auth/logout', { timeoutMs: 3_000 }) : undefined;
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
