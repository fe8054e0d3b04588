import type { ButtonHTMLAttributes, ReactNode } from 'react';
import { Link, type LinkProps } from 'react-router';

type Look = 'primary' | 'plain' | 'quiet' | 'sun';

const SHAPE =
  'inline-flex min-h-child items-center justify-center gap-2 rounded-2xl px-5 py-2.5 text-base font-semibold transition-colors disabled:cursor-not-allowed disabled:opacity-60';

const LOOKS: Record<Look, string> = {
  primary: 'bg-brand text-on-brand hover:bg-brand/90',
  plain: 'border border-edge bg-surface text-ink hover:bg-raised',
  quiet: 'text-brand hover:bg-brand-soft',
  sun: 'bg-sun text-[#3d2b00] hover:bg-sun/90',
};

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  wide?: boolean;
  children: ReactNode;
}

export function Button({ look = 'primary', wide, className = '', type = 'button', ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={`${SHAPE} ${LOOKS[look]} ${wide ? 'w-full' : ''} ${className}`}
      {...rest}
    />
  );
}

interface ButtonLinkProps extends LinkProps {
  look?: Look;
  wide?: boolean;
}

export function ButtonLink({ look = 'primary', wide, className = '', ...rest }: ButtonLinkProps) {
  return <Link className={`${SHAPE} ${LOOKS[look]} ${wide ? 'w-full' : ''} ${className}`} {...rest} />;
}
