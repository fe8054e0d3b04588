import { useParams } from 'react-router';
import type { Duty, Me, RosterLine, SchoolClass } from '../../api/types';
import { useMe } from '../identity/session';

/** Which school's list is open, and what this person may do there. */
export interface Place {
  school: string;
  /** Where the pages of this list begin. */
  base: string;
  /** May change classes, import, merge, and hand out slips. */
  manages: boolean;
  /** May read the phone numbers of guardians. */
  seesGuardians: boolean;
  me: Me;
}

const has = (me: Me, ...duties: Duty[]) =>
  me.role === 'admin' || duties.some((duty) => me.duties?.includes(duty));

/** A teacher's own school, or the one an admin opened. */
export function usePlace(): Place {
  const me = useMe();
  const { school } = useParams();
  return {
    school: school ?? me.school_id ?? '',
    base: school ? `/schools/${school}/roster` : '/roster',
    manages: has(me, 'head', 'site_admin'),
    seesGuardians: has(me, 'head', 'bursar', 'site_admin'),
    me,
  };
}

/** Whoever manages the list may change every class, its teacher her own. */
export function mayChange(place: Place, className: string, classes: SchoolClass[]): boolean {
  if (has(place.me, 'head', 'bursar', 'site_admin')) return true;
  return classes.some((c) => c.name === className && c.active && c.teacher_id === place.me.id);
}

/** A class that learners are in and nobody made has their grade. */
export function withGrades(classes: SchoolClass[], lines: RosterLine[]): SchoolClass[] {
  return classes.map((c) =>
    c.grade ? c : { ...c, grade: lines.find((l) => l.class_name === c.name)?.grade ?? '' },
  );
}
