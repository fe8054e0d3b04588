import { Check, Delete } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';

const SHORTEST = 4;
const LONGEST = 6;

interface PinPadProps {
  pin: string;
  busy: boolean;
  onChange: (pin: string) => void;
  onDone: (pin: string) => void;
}

const KEY =
  'grid min-h-16 place-items-center rounded-2xl border border-line bg-surface text-2xl font-bold shadow-card hover:bg-brand-soft disabled:opacity-60';

/** Ten big keys for small fingers; a real keyboard works as well. What was typed shows as dots only. */
export function PinPad({ pin, busy, onChange, onDone }: PinPadProps) {
  const { t } = useTranslation();
  const latest = useRef({ pin, busy, onChange, onDone });
  latest.current = { pin, busy, onChange, onDone };

  const press = (digit: string) => {
    const now = latest.current;
    if (!now.busy && now.pin.length < LONGEST) now.onChange(now.pin + digit);
  };
  const erase = () => {
    const now = latest.current;
    if (!now.busy) now.onChange(now.pin.slice(0, -1));
  };

  const done = () => {
    const now = latest.current;
    if (!now.busy && now.pin.length >= SHORTEST) now.onDone(now.pin);
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the handlers read the latest values through the ref
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (/^[0-9]$/.test(event.key)) press(event.key);
      else if (event.key === 'Backspace') erase();
      // Enter on a focused key presses that key instead.
      else if (event.key === 'Enter' && !(event.target instanceof HTMLButtonElement)) done();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);

  return (
    <div className="mx-auto w-full max-w-xs space-y-5">
      <p role="status" className="flex justify-center gap-4">
        <span className="sr-only">{t('pin.typed', { count: pin.length })}</span>
        {Array.from({ length: Math.max(SHORTEST, pin.length) }, (_, i) => `dot-${i}`).map((dot, i) => (
          <span
            key={dot}
            aria-hidden="true"
            className={`size-5 rounded-full border-2 transition-colors ${i < pin.length ? 'border-brand bg-brand' : 'border-edge'}`}
          />
        ))}
      </p>
      <div className="grid grid-cols-3 gap-3">
        {['1', '2', '3', '4', '5', '6', '7', '8', '9'].map((digit) => (
          <button key={digit} type="button" className={KEY} disabled={busy} onClick={() => press(digit)}>
            {digit}
          </button>
        ))}
        <button type="button" className={KEY} disabled={busy} onClick={erase} aria-label={t('pin.erase')}>
          <Delete aria-hidden="true" className="size-7" />
        </button>
        <button type="button" className={KEY} disabled={busy} onClick={() => press('0')}>
          0
        </button>
        <button
          type="button"
          className="grid min-h-16 place-items-center rounded-2xl bg-brand text-on-brand shadow-card disabled:bg-raised disabled:text-muted"
          disabled={busy || pin.length < SHORTEST}
          onClick={done}
          aria-label={t('pin.enter')}
        >
          <Check aria-hidden="true" className="size-8" />
        </button>
      </div>
    </div>
  );
}
