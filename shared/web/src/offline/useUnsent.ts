import { useEffect, useState } from 'react';
import { outbox } from '../api';
import { useSession } from '../features/identity/session';
import type { Unsent } from './database';

/** What this device still holds for the signed-in person. */
export function useUnsent(): Unsent[] {
  const user = useSession((s) => s.me?.id);
  const [entries, setEntries] = useState<Unsent[]>([]);

  useEffect(() => {
    let gone = false;
    const read = async () => {
      const list = user ? await outbox.list(user).catch(() => []) : [];
      if (!gone) setEntries(list.filter((entry) => entry.kind !== 'time'));
    };
    void read();
    const stop = outbox.subscribe(() => void read());
    return () => {
      gone = true;
      stop();
    };
  }, [user]);

  return entries;
}
