import { Delete } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/Button';
import { PICTURES, Picture, type PictureName } from './Picture';

export const SEQUENCE = 3;

interface PicturePadProps {
  chosen: PictureName[];
  busy: boolean;
  onChange: (chosen: PictureName[]) => void;
  onDone: (chosen: PictureName[]) => void;
}

/** Twelve pictures; the third tap signs in. What was tapped shows as dots, since a neighbour looks on. */
export function PicturePad({ chosen, busy, onChange, onDone }: PicturePadProps) {
  const { t } = useTranslation();
  const tap = (name: PictureName) => {
    if (busy || chosen.includes(name)) return;
    const next = [...chosen, name];
    onChange(next);
    if (next.length === SEQUENCE) onDone(next);
  };
  return (
    <div className="mx-auto w-full max-w-md space-y-5">
      <p role="status" className="flex justify-center gap-4">
        <span className="sr-only">{t('pictures.chosen', { count: chosen.length })}</span>
        {Array.from({ length: SEQUENCE }, (_, i) => `dot-${i}`).map((dot, i) => (
          <span
            key={dot}
            aria-hidden="true"
            className={`size-5 rounded-full border-2 ${i < chosen.length ? 'border-brand bg-brand' : 'border-edge'}`}
          />
        ))}
      </p>
      <div className="grid grid-cols-3 gap-3 sm:grid-cols-4">
        {PICTURES.map((name) => (
          <button
            key={name}
            type="button"
            className="grid min-h-20 place-items-center rounded-2xl border border-line bg-[#fffdf7] p-2 shadow-card hover:border-brand disabled:opacity-50"
            disabled={busy || chosen.includes(name)}
            aria-label={t(`picture.${name}`)}
            onClick={() => tap(name)}
          >
            <Picture name={name} className="size-14" />
          </button>
        ))}
      </div>
      <div className="text-center">
        <Button look="quiet" disabled={busy || chosen.length === 0} onClick={() => onChange([])}>
          <Delete aria-hidden="true" className="size-5" />
          {t('pictures.again')}
        </Button>
      </div>
    </div>
  );
}
