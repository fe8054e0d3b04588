import type { LucideIcon } from 'lucide-react';
import { CircleAlert, CircleCheck, Clock, Info } from 'lucide-react';
import type { ReactNode } from 'react';

type Kind = 'info' | 'good' | 'bad' | 'waiting';

const KINDS: Record<Kind, { look: string; icon: LucideIcon }> = {
  info: { look: 'bg-brand-soft text-ink', icon: Info },
  good: { look: 'bg-good-soft text-good', icon: CircleCheck },
  bad: { look: 'bg-bad-soft text-bad', icon: CircleAlert },
  waiting: { look: 'bg-sun-soft text-sun-ink', icon: Clock },
};

interface NoticeProps {
  kind?: Kind;
  /** Read out at once when it appears. */
  live?: boolean;
  /** Instead of the usual picture of the kind. */
  icon?: LucideIcon;
  children: ReactNode;
}

export function Notice({ kind = 'info', live, icon, children }: NoticeProps) {
  const { look, icon: usual } = KINDS[kind];
  const Icon = icon ?? usual;
  return (
    <div
      role={live ? (kind === 'bad' ? 'alert' : 'status') : undefined}
      className={`flex gap-3 rounded-2xl p-4 ${look}`}
    >
      <Icon aria-hidden="true" className="mt-0.5 size-5 shrink-0" />
      <div className="min-w-0 flex-1 space-y-2">{children}</div>
    </div>
  );
}
