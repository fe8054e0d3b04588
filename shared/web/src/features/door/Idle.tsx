import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'react-router';
import { onSharedDevice } from '../../offline/connection';
import { Button } from '../../ui/Button';
import { signOut, useSession } from '../identity/session';

export const IDLE_MS = 20 * 60_000;
export const WARN_MS = 90_000;
const LOOK_MS = 5_000;
const SIGNS = ['pointerdown', 'keydown', 'touchstart', 'scroll', 'wheel'] as const;

/** Pages where somebody thinks and does not tap: an attempt keeps the session open. */
const atWork = (path: string) => path.startsWith('/quizzes/');

/** Signs a shared device out when nobody touches it, with a warning before. Never during an attempt. */
export function Idle() {
  const { t } = useTranslation();
  const signedIn = useSession((s) => s.state === 'in');
  const { pathname } = useLocation();
  const last = useRef(Date.now());
  const path = useRef(pathname);
  path.current = pathname;
  const [warned, setWarned] = useState(false);

  useEffect(() => {
    if (!signedIn || !onSharedDevice()) return;
    const touched = () => {
      last.current = Date.now();
      setWarned(false);
    };
    const look = () => {
      if (atWork(path.current)) {
        touched();
        return;
      }
      const quiet = Date.now() - last.current;
      setWarned(quiet >= IDLE_MS - WARN_MS);
      if (quiet >= IDLE_MS) void signOut();
    };
    touched();
    for (const sign of SIGNS) window.addEventListener(sign, touched, { passive: true });
    const timer = setInterval(look, LOOK_MS);
    return () => {
      clearInterval(timer);
      for (const sign of SIGNS) window.removeEventListener(sign, touched);
    };
  }, [signedIn]);

  if (!warned || !signedIn) return null;
  return (
    <div
      role="alert"
      className="fixed inset-x-3 bottom-24 z-40 mx-auto flex max-w-md flex-wrap items-center justify-between gap-3 rounded-2xl bg-sun-soft p-4 text-sun-ink shadow-card md:bottom-6"
    >
      <p className="font-medium">{t('door.idle')}</p>
      <Button look="sun" onClick={() => setWarned(false)}>
        {t('door.still_here')}
      </Button>
    </div>
  );
}
