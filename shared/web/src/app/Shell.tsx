import { useQuery } from '@tanstack/react-query';
import { Ellipsis, LogOut, Moon, Sun, SunMoon, UserRound } from 'lucide-react';
import { Suspense, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useLocation, useNavigate } from 'react-router';
import type { Me } from '../api/types';
import { Idle } from '../features/door/Idle';
import { schoolQuery } from '../features/identity/queries';
import { signOut, useSession } from '../features/identity/session';
import { type Language, switchLanguage } from '../i18n';
import { useConnection } from '../offline/connection';
import { Skeleton } from '../ui/Loaded';
import { Band, Logo } from '../ui/Logo';
import { type NavItem, navFor } from './nav';
import { SyncSentence } from './SyncSentence';
import { chooseTheme, type ThemeChoice, useTheme } from './theme';

/** The frame of every page: who and where at the top, the sentence about the work, the role's few places. */
export function Shell() {
  const { t } = useTranslation();
  const me = useSession((s) => s.me);
  const namedAdult = useNamedAdult(me);
  const side = useConnection((s) => s.status?.side);
  const items = me ? navFor(me, namedAdult, side) : [];
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const first = useRef(true);

  // A new page starts at its top, with the focus there, as a fresh document would.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path is the trigger
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname]);

  return (
    <div className="flex min-h-screen flex-col">
      <a
        href="#main"
        className="sr-only z-50 rounded-xl bg-sun px-4 py-3 font-semibold text-[#3d2b00] focus:not-sr-only focus:fixed focus:left-3 focus:top-3"
      >
        {t('shell.skip')}
      </a>
      <TopBar />
      <Idle />
      <div className="mx-auto flex w-full max-w-6xl flex-1 gap-8 px-4">
        {items.length > 0 && <Nav items={items} />}
        <main
          id="main"
          ref={main}
          tabIndex={-1}
          className={`min-w-0 flex-1 pt-6 outline-none ${items.length > 0 ? 'pb-28 md:pb-12' : 'pb-12'}`}
        >
          <Suspense fallback={<Skeleton />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
    </div>
  );
}

/** Whether this is the adult the school named for children in danger. */
function useNamedAdult(me: Me | null): boolean {
  const school = me?.school_id ?? '';
  const query = useQuery({ ...schoolQuery(school), enabled: me?.role === 'instructor' && school !== '' });
  return query.data?.named_adult_id !== undefined && query.data.named_adult_id === me?.id;
}

function TopBar() {
  const { t } = useTranslation();
  const me = useSession((s) => s.me);
  const status = useConnection((s) => s.status);
  const name = status?.school?.name ?? t('shell.brand');

  return (
    <header className="sticky print:hidden top-0 z-30 shadow-card">
      <div className="bg-brand-deep text-on-deep">
        <div className="mx-auto flex max-w-6xl items-center gap-2 px-3 py-1.5">
          <Link to="/" className="flex min-h-child min-w-0 flex-1 items-center gap-2.5 rounded-xl">
            <Logo className="size-9 shrink-0" />
            <span className="line-clamp-2 text-[0.95rem] font-bold leading-tight">{name}</span>
          </Link>
          <LanguageSwitch />
          <ThemeSwitch />
          {me && <Leave student={me.role === 'student'} />}
        </div>
        <Band />
      </div>
      <SyncSentence />
    </header>
  );
}

const TOOL =
  'inline-flex min-h-child min-w-child items-center justify-center gap-1.5 rounded-xl px-2 text-sm font-semibold hover:bg-white/10';

function LanguageSwitch() {
  const { t, i18n } = useTranslation();
  const other: Language = i18n.language === 'sw' ? 'en' : 'sw';
  return (
    <button type="button" lang={other} className={TOOL} onClick={() => void switchLanguage(other)}>
      <span className="hidden sm:inline">{t('shell.other_language')}</span>
      <span className="sm:hidden" aria-hidden="true">
        {other.toUpperCase()}
      </span>
      <span className="sr-only sm:hidden">{t('shell.other_language')}</span>
    </button>
  );
}

const NEXT_THEME: Record<ThemeChoice, ThemeChoice> = { system: 'light', light: 'dark', dark: 'system' };
const THEME_ICON = { system: SunMoon, light: Sun, dark: Moon };

function ThemeSwitch() {
  const { t } = useTranslation();
  const choice = useTheme((s) => s.choice);
  const Icon = THEME_ICON[choice];
  const label = t('shell.theme', { now: t(`theme.${choice}`), next: t(`theme.${NEXT_THEME[choice]}`) });
  return (
    <button
      type="button"
      className={TOOL}
      title={label}
      aria-label={label}
      onClick={() => chooseTheme(NEXT_THEME[choice])}
    >
      <Icon aria-hidden="true" className="size-5" />
    </button>
  );
}

function Leave({ student }: { student: boolean }) {
  const { t } = useTranslation();
  const me = useSession((s) => s.me);
  const navigate = useNavigate();
  const given = me?.profile_data.full_name.split(' ')[0] ?? '';
  const text = student ? t('shell.not_you', { name: given }) : t('shell.sign_out');
  const Icon = student ? UserRound : LogOut;
  return (
    <button
      type="button"
      className={`${TOOL} flex-col gap-0 lg:flex-row lg:gap-1.5`}
      // At home the phone goes to the next child: signing out would sign out the parent.
      onClick={() => void (me?.at_home ? navigate('/family') : signOut())}
      title={text}
    >
      <Icon aria-hidden="true" className="size-5" />
      {student && (
        <span aria-hidden="true" className="max-w-16 truncate text-xs lg:hidden">
          {t('shell.not_you_short', { name: given })}
        </span>
      )}
      <span className="sr-only lg:not-sr-only">{text}</span>
    </button>
  );
}

const PLACE =
  'flex min-h-16 flex-col items-center justify-center gap-1 px-px text-center text-xs leading-tight md:min-h-child md:flex-row md:justify-start md:gap-3 md:rounded-2xl md:px-4 md:text-left md:text-base md:font-medium';

/** A phone has room for this many places side by side; of more, the last is "More". */
const ROOM = 5;

/** At the bottom of a phone, at the side of a wide screen. */
function Nav({ items }: { items: NavItem[] }) {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  // Open on one page only: whoever has gone somewhere is done with it.
  const [openAt, setOpenAt] = useState('');
  const open = openAt === pathname;
  const shown = items.length > ROOM ? ROOM - 1 : ROOM;
  const rest = items.slice(shown);
  const inRest = rest.some((item) => isHere(item, pathname));
  return (
    <nav
      aria-label={t('shell.nav')}
      onKeyDown={(e) => {
        if (e.key !== 'Escape' || !open) return;
        setOpenAt('');
        e.currentTarget.querySelector('button')?.focus();
      }}
      className="fixed inset-x-0 bottom-0 z-30 print:hidden border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] md:sticky md:inset-x-auto md:bottom-auto md:top-32 md:z-auto md:h-fit md:w-52 md:shrink-0 md:border-0 md:bg-transparent md:py-6"
    >
      {open && (
        <ul id="more-places" className="mx-auto grid max-w-xl grid-cols-4 border-b border-line md:hidden">
          {rest.map((item) => (
            <Place key={item.to} item={item} />
          ))}
        </ul>
      )}
      <ul className="mx-auto flex max-w-xl md:flex-col md:gap-1">
        {items.map((item, i) => (
          <Place key={item.to} item={item} className={i < shown ? '' : 'hidden md:block'} />
        ))}
        {rest.length > 0 && (
          <li className="min-w-0 flex-1 md:hidden">
            <button
              type="button"
              aria-expanded={open}
              aria-controls={open ? 'more-places' : undefined}
              className={`${PLACE} w-full ${inRest ? 'font-bold text-brand' : 'text-muted'}`}
              onClick={() => setOpenAt(open ? '' : pathname)}
            >
              <span className={`rounded-full px-4 py-1 ${inRest ? 'bg-brand-soft' : ''}`}>
                <Ellipsis aria-hidden="true" className="size-5 shrink-0" />
              </span>
              <span className="w-full truncate">{t('nav.more')}</span>
            </button>
          </li>
        )}
      </ul>
    </nav>
  );
}

const isHere = ({ to, under }: NavItem, pathname: string) =>
  pathname === to ||
  (to !== '/' && pathname.startsWith(`${to}/`)) ||
  Boolean(under && pathname.startsWith(under));

function Place({ item, className = '' }: { item: NavItem; className?: string }) {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const { to, label, icon: Icon } = item;
  const here = isHere(item, pathname);
  return (
    <li className={`min-w-0 flex-1 ${className}`}>
      <Link
        to={to}
        aria-current={here ? 'page' : undefined}
        className={`${PLACE} ${here ? 'font-bold text-brand md:bg-brand md:text-on-brand' : 'text-muted md:text-ink md:hover:bg-raised'}`}
      >
        <span className={`rounded-full px-4 py-1 md:bg-transparent md:p-0 ${here ? 'bg-brand-soft' : ''}`}>
          <Icon aria-hidden="true" className="size-5 shrink-0" />
        </span>
        <span className="w-full truncate">{t(label)}</span>
      </Link>
    </li>
  );
}
