import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { SecretCard } from '../../api/types';
import { PrintBar } from '../../ui/PrintBar';
import { Picture, type PictureName } from './Picture';

interface CardSheetProps {
  cards: SecretCard[];
  onDone: () => void;
}

/** Fresh cards, to be printed and cut. They are shown now and never again. */
export function CardSheet({ cards, onDone }: CardSheetProps) {
  const { t } = useTranslation();
  const top = useRef<HTMLElement>(null);
  // The button may have been far down a long class.
  useEffect(() => top.current?.focus(), []);
  return (
    <section ref={top} tabIndex={-1} className="space-y-4 outline-none" aria-label={t('cards.title')}>
      <PrintBar once={t('cards.once')} onDone={onDone} />
      <ul className="grid bg-[#fff] text-[#111] sm:grid-cols-2 print:grid-cols-2">
        {cards.map((card) => (
          <li
            key={card.learner_id}
            className="break-inside-avoid space-y-2 border border-dashed border-[#777] p-4"
          >
            <p className="text-lg font-bold">{card.full_name}</p>
            <p>
              {[card.class_name, card.admission_number].filter(Boolean).join(' · ')}
              <span className="block font-mono text-sm">{window.location.host}</span>
            </p>
            {card.pin && (
              <p>
                {t('school.pin')}: <span className="font-mono text-3xl font-bold">{card.pin}</span>
              </p>
            )}
            {card.pictures && (
              <ol className="flex gap-3">
                {card.pictures.map((name, i) => (
                  <li key={name} className="text-center text-sm">
                    <Picture name={name as PictureName} className="size-14" />
                    {i + 1}. {t(`picture.${name}`)}
                  </li>
                ))}
              </ol>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
