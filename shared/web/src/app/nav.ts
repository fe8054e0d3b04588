import {
  Bird,
  BookOpen,
  BriefcaseBusiness,
  Building2,
  ClipboardCheck,
  HandCoins,
  House,
  KeyRound,
  ListChecks,
  type LucideIcon,
  RadioTower,
  ShieldAlert,
  UserRound,
  UserRoundCheck,
  Users,
} from 'lucide-react';
import type { Me, SyncStatus } from '../api/types';

export interface NavItem {
  to: string;
  label: string;
  icon: LucideIcon;
  /** Pages below another address that belong to this place. */
  under?: string;
}

const at = (to: string, label: string, icon: LucideIcon, under?: string): NavItem => ({
  to,
  label,
  icon,
  under,
});

const HOME = at('/', 'nav.home', House);
const COURSES = at('/courses', 'nav.courses', BookOpen, '/quizzes/');
const OFFICE = at('/office', 'nav.office', BriefcaseBusiness, '/office/');
const PROFILE = at('/me', 'nav.me', UserRound);

/** The few places of a role. A duty at the school adds its place; nothing else is shown. */
export function navFor(me: Me, namedAdult: boolean, side?: SyncStatus['side']): NavItem[] {
  if (me.second_factor_first) return []; // every place is the set-up
  if (!me.is_active) return [HOME, PROFILE]; // who waits for approval
  switch (me.role) {
    case 'student':
      return [
        HOME,
        COURSES,
        at('/tutor', 'nav.tutor', Bird),
        at('/results', 'nav.results', ClipboardCheck),
        // At home the phone is a parent's, and so are its settings.
        me.at_home ? at('/family', 'nav.family', Users) : PROFILE,
      ];
    case 'instructor':
      if (!me.school_id) return [COURSES, PROFILE];
      return [
        at('/', 'nav.class', Users, '/learners/'),
        at('/roster', 'nav.roster', ListChecks),
        ...(me.duties?.some((duty) => duty === 'bursar' || duty === 'head')
          ? [at('/payments', 'nav.payments', HandCoins)]
          : []),
        ...(me.duties?.includes('head') || namedAdult ? [at('/alerts', 'nav.alerts', ShieldAlert)] : []),
        ...(side === 'school' ? [at('/class-sign-in', 'nav.sign_in', KeyRound)] : []),
        // A school's people are managed at the cloud.
        ...(side === 'cloud' && me.school_id
          ? [at(`/schools/${me.school_id}`, 'nav.school', Building2)]
          : []),
        COURSES,
        PROFILE,
      ];
    case 'parent':
      return [
        at('/', 'nav.children', Users, '/children/'),
        at('/payments', 'nav.payments', HandCoins),
        PROFILE,
      ];
    case 'admin':
      return [
        at('/', 'nav.schools', Building2, '/schools/'),
        at('/fleet', 'nav.fleet', RadioTower),
        at('/alerts', 'nav.alerts', ShieldAlert),
        at('/applications', 'nav.applications', UserRoundCheck),
        OFFICE,
        COURSES,
        PROFILE,
      ];
    case 'staff':
      return [
        HOME,
        at('/fleet', 'nav.fleet', RadioTower),
        at('/applications', 'nav.applications', UserRoundCheck),
        OFFICE,
        COURSES,
        PROFILE,
      ];
    default:
      return [HOME, COURSES, PROFILE];
  }
}
