import { useCallback, useEffect, useRef, useState } from 'react';
import { keepTyped, openTyped, type Typed } from './typed';

/** The class that is being typed, kept on this device at every change. */
export function useTyped(user: string, school: string) {
  const [typed, setTyped] = useState<Typed | null>(null);
  const [kept, setKept] = useState<'kept' | 'writing' | 'failed'>('kept');
  const latest = useRef<Typed | null>(null);

  useEffect(() => {
    let gone = false;
    void openTyped(user, school)
      .catch((): Typed => ({ key: `${user}/${school}`, grade: '', className: '', rows: [], text: '' }))
      .then((found) => {
        if (gone) return;
        latest.current = found;
        setTyped(found);
      });
    return () => {
      gone = true;
    };
  }, [user, school]);

  const change = useCallback((how: (now: Typed) => Partial<Typed>) => {
    if (!latest.current) return;
    const next = { ...latest.current, ...how(latest.current) };
    latest.current = next;
    setTyped(next);
    setKept('writing');
    keepTyped(next).then(
      () => latest.current === next && setKept('kept'),
      () => setKept('failed'),
    );
  }, []);

  return { typed, kept, change, latest };
}
