import type { ReactNode } from 'react';

interface CardProps {
  children: ReactNode;
  className?: string;
}

export function Card({ children, className = '' }: CardProps) {
  return (
    <section className={`rounded-card border border-line bg-surface p-4 shadow-card sm:p-5 ${className}`}>
      {children}
    </section>
  );
}

interface PageProps {
  title: string;
  lead?: ReactNode;
  above?: ReactNode;
  side?: ReactNode;
  children: ReactNode;
}

/** A page: one h1, an optional line under it, then content. */
export function Page({ title, lead, above, side, children }: PageProps) {
  return (
    <div className="space-y-5">
      <header className="space-y-2">
        {above}
        <div className="flex flex-wrap items-start justify-between gap-3">
          <h1 className="text-2xl sm:text-3xl">{title}</h1>
          {side}
        </div>
        {lead && <p className="max-w-prose text-muted">{lead}</p>}
      </header>
      {children}
    </div>
  );
}
