import { useQuery } from '@tanstack/react-query';
import {
  BadgeCheck,
  Bird,
  Check,
  Eye,
  GraduationCap,
  HandCoins,
  HandHelping,
  Heart,
  House,
  type LucideIcon,
  ShieldAlert,
  Smile,
  UserRound,
  Users,
  Wrench,
  X,
} from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'react-router';
import { service } from '../../api';
import type { Answer } from '../../api/routes';
import { Back } from '../../ui/Back';
import { Card, Page } from '../../ui/Card';
import { Loaded } from '../../ui/Loaded';
import { useMe } from '../identity/session';

type WhoSeesWhat = Answer<'/who-sees', 'get'>;

const ICONS: Record<string, LucideIcon> = {
  self: UserRound,
  parent: House,
  teacher: GraduationCap,
  named_adult: Heart,
  head: BadgeCheck,
  bursar: HandCoins,
  site_admin: Wrench,
  office: ShieldAlert,
  staff: HandHelping,
  partner: HandCoins,
  classmate: Smile,
};

/** Who can read what about a learner, as the service itself decides; to a child in plain words and pictures. */
export function WhoSees() {
  const { t } = useTranslation();
  const child = useMe().role === 'student';
  const query = useQuery({ queryKey: ['who-sees'], queryFn: () => service.get('/who-sees') });
  return (
    <Page
      title={t('who_sees.title')}
      lead={t(child ? 'who_sees.lead_child' : 'who_sees.lead_adult')}
      above={<WhereFrom />}
    >
      <Loaded query={query}>
        {(facts) => (
          <>
            <TheBird child={child} leaves={facts.questions_leave} />
            <ul className="grid gap-4 md:grid-cols-2">
              {facts.viewers
                .filter((viewer) => viewer !== 'self')
                .map((viewer) => (
                  <li key={viewer}>
                    <Viewer viewer={viewer} facts={facts} child={child} />
                  </li>
                ))}
            </ul>
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** The pages that lead here, with their names. */
const FROM: Record<string, string> = { '/tutor': 'nav.tutor', '/me/privacy': 'privacy.title' };

/** Back to the page that led here; one's own page when the address was typed. */
function WhereFrom() {
  const { t } = useTranslation();
  const from = (useLocation().state as { from?: string } | null)?.from ?? '';
  const name = FROM[from.split('?')[0] as string];
  return name ? <Back to={from}>{t(name)}</Back> : <Back to="/me">{t('me.title')}</Back>;
}

/** The words for a child, or those for the grown-ups about a child. */
function useWords(child: boolean) {
  const { t } = useTranslation();
  return (key: string) => t(`who_sees.${key}${child ? '' : '_adult'}`);
}

function TheBird({ child, leaves }: { child: boolean; leaves?: boolean }) {
  const { t } = useTranslation();
  const words = useWords(child);
  const out = child ? t(leaves ? 'who_sees.leaves_yes' : 'who_sees.leaves_no') : words('leaves');
  return (
    <Card className="space-y-3">
      <h2 className="flex items-center gap-3 text-xl">
        <Bird aria-hidden="true" className="size-8 shrink-0 text-brand" />
        {t('who_sees.bird')}
      </h2>
      <p>{words('bird_text')}</p>
      <p>{out}</p>
      <p>{words('danger')}</p>
    </Card>
  );
}

interface ViewerProps {
  viewer: string;
  facts: WhoSeesWhat;
  child: boolean;
}

function Viewer({ viewer, facts, child }: ViewerProps) {
  const { t } = useTranslation();
  const words = useWords(child);
  const Icon = ICONS[viewer] ?? Users;
  const seen = facts.things.filter((it) => it.by.includes(viewer) || it.if_lent.includes(viewer));
  const hidden = facts.things.filter((it) => !seen.includes(it));
  return (
    <Card className="h-full space-y-3">
      <h2 className="flex items-center gap-3 text-lg">
        <span className="grid size-12 shrink-0 place-items-center rounded-2xl bg-brand-soft text-brand">
          <Icon aria-hidden="true" className="size-7" />
        </span>
        {words(`viewer_${viewer}`)}
      </h2>
      <div>
        <h3 className="flex items-center gap-2 font-semibold text-good">
          <Eye aria-hidden="true" className="size-5" />
          {t('who_sees.sees')}
        </h3>
        {viewer === 'classmate' ? (
          <Classmates facts={facts} child={child} />
        ) : seen.length === 0 ? (
          <p>{t('who_sees.nothing')}</p>
        ) : (
          <ul className="mt-1 space-y-1">
            {seen.map((it) => (
              <li key={it.thing} className="flex items-start gap-2">
                <Check aria-hidden="true" className="mt-1 size-4 shrink-0 text-good" />
                <span>
                  {words(`thing_${it.thing}`)}
                  {!it.by.includes(viewer) && ` (${t('who_sees.if_lent')})`}
                </span>
              </li>
            ))}
          </ul>
        )}
      </div>
      {hidden.length > 0 && (
        <div>
          <h3 className="font-semibold text-muted">{t('who_sees.not')}</h3>
          <ul className="mt-1 space-y-1">
            {hidden
              .filter((it) => !(viewer === 'classmate' && it.thing === 'name'))
              .map((it) => (
                <li key={it.thing} className="flex items-start gap-2 text-muted">
                  <X aria-hidden="true" className="mt-1 size-4 shrink-0" />
                  <span>{words(`thing_${it.thing}`)}</span>
                </li>
              ))}
          </ul>
        </div>
      )}
    </Card>
  );
}

/** What other children are shown: names at the school's door, and only what the child herself has turned on. */
function Classmates({ facts: { shown }, child }: { facts: WhoSeesWhat; child: boolean }) {
  const { t } = useTranslation();
  const words = useWords(child);
  const on = shown
    ? [
        shown.profile !== 'private' && `profile_${shown.profile}`,
        shown.online_status && 'online_status',
        shown.achievements && 'achievements',
        shown.streak && 'streak',
      ].filter((it) => it !== false)
    : [];
  return (
    <div className="mt-1 space-y-1">
      <p>{words('door')}</p>
      {on.length === 0 && <p>{words('shy')}</p>}
      {on.map((it) => (
        <p key={it}>{t(`who_sees.shown_${it}`)}</p>
      ))}
    </div>
  );
}
