import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';

export type Tone = 'plain' | 'brand' | 'sun' | 'good' | 'bad';

const TONES: Record<Tone, string> = {
  plain: 'bg-raised text-ink',
  brand: 'bg-brand-soft text-ink',
  sun: 'bg-sun-soft text-sun-ink',
  good: 'bg-good-soft text-good',
  bad: 'bg-bad-soft text-bad',
};

interface BadgeProps {
  tone?: Tone;
  icon?: LucideIcon;
  children: ReactNode;
}

/** A state as picture and words, never as colour alone. */
export function Badge({ tone = 'plain', icon: Icon, children }: BadgeProps) {
  return (
    <span
      className={`inline-flex items-center gap-1.5 rounded-full px-2.5 py-1 text-sm font-medium ${TONES[tone]}`}
    >
      {Icon && <Icon aria-hidden="true" className="size-4 shrink-0" />}
      {children}
    </span>
  );
}
