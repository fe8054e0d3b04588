import { useQuery } from '@tanstack/react-query';
import {
  ChevronRight,
  Eraser,
  type LucideIcon,
  ScrollText,
  ShieldCheck,
  TriangleAlert,
  Users,
} from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { ButtonLink } from '../../ui/Button';
import { Page } from '../../ui/Card';
import { Empty, Loaded } from '../../ui/Loaded';
import { may, powersQuery } from './queries';

const LENT = ['view', 'manage'];

const PLACES: { to: string; label: string; icon: LucideIcon; feature: string; grades?: string[] }[] = [
  { to: '/office/people', label: 'office.people', icon: Users, feature: 'user_management' },
  { to: '/office/permissions', label: 'office.permissions', icon: ShieldCheck, feature: 'permissions' },
  { to: '/office/audit', label: 'office.audit', icon: ScrollText, feature: 'audit' },
  { to: '/office/errors', label: 'office.errors', icon: TriangleAlert, feature: 'error_log' },
  // A loan does not open it.
  { to: '/office/erasures', label: 'office.erasures', icon: Eraser, feature: 'user_management', grades: [] },
];

/** The administration: only the places that the table of permissions, or a delegation, opens. */
export function Office() {
  const { t } = useTranslation();
  const query = useQuery(powersQuery);
  return (
    <Page title={t('office.title')} lead={t('office.lead')}>
      <Loaded
        query={query}
        isEmpty={(powers) => !PLACES.some((p) => may(powers, p.feature, ...(p.grades ?? LENT)))}
        empty={<Empty title={t('office.nothing')}>{t('office.nothing_text')}</Empty>}
      >
        {(powers) => (
          <ul className="grid gap-3 sm:grid-cols-2">
            {PLACES.filter((p) => may(powers, p.feature, ...(p.grades ?? LENT))).map(
              ({ to, label, icon: Icon }) => (
                <li key={to}>
                  <Link
                    to={to}
                    className="flex min-h-16 items-center gap-3 rounded-card border border-line bg-surface p-4 text-lg font-bold shadow-card hover:border-brand"
                  >
                    <Icon aria-hidden="true" className="size-6 shrink-0 text-brand" />
                    <span className="min-w-0 flex-1">{t(label)}</span>
                    <ChevronRight aria-hidden="true" className="size-5 shrink-0 text-muted" />
                  </Link>
                </li>
              ),
            )}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}

interface AllowedProps {
  feature: string;
  /** Which grades open it besides everything of the feature; what can be lent, if nothing is said. */
  grades?: string[];
  children: ReactNode;
}

/** Shows a page only to those for whom the table opens its feature; to others it does not exist. */
export function Allowed({ feature, grades = LENT, children }: AllowedProps) {
  const { t } = useTranslation();
  const query = useQuery(powersQuery);
  return (
    <Loaded
      query={query}
      isEmpty={(powers) => !may(powers, feature, ...grades)}
      empty={
        <Page title={t('not_found.title')} lead={t('not_found.text')}>
          <ButtonLink to="/">{t('not_found.home')}</ButtonLink>
        </Page>
      }
    >
      {() => children}
    </Loaded>
  );
}
