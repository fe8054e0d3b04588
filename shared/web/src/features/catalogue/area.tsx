import type { TFunction } from 'i18next';
import {
  Activity,
  BookOpen,
  Briefcase,
  Calculator,
  FlaskConical,
  Globe,
  HandHeart,
  House,
  Languages,
  type LucideIcon,
  Palette,
  Sprout,
  Wrench,
} from 'lucide-react';

/** The twelve learning areas: their picture, and their name in the page's language. */
const ICONS: Record<string, LucideIcon> = {
  mathematics: Calculator,
  english: BookOpen,
  kiswahili: Languages,
  'science-and-technology': FlaskConical,
  'social-studies': Globe,
  'creative-arts': Palette,
  'physical-and-health-education': Activity,
  'religious-education': HandHeart,
  agriculture: Sprout,
  'home-science': House,
  'business-studies': Briefcase,
  'pre-technical-studies': Wrench,
};

const slug = (name: string) =>
  name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
    .join('-');

export function areaName(name: string, t: TFunction): string {
  return t(`area.${slug(name)}`, { defaultValue: name });
}

/** "Grade 4" in the page's language; PP1 and PP2 stay as they are. */
export function gradeName(grade: string, t: TFunction): string {
  const number = /^Grade (\d+)$/.exec(grade)?.[1];
  return number ? t('grade', { number }) : grade;
}

export function AreaMark({ area, big }: { area: string; big?: boolean }) {
  const Icon = ICONS[slug(area)] ?? BookOpen;
  return (
    <span
      aria-hidden="true"
      className={`grid shrink-0 place-items-center rounded-2xl bg-sun-soft text-sun-ink ${big ? 'size-16' : 'size-12'}`}
    >
      <Icon className={big ? 'size-8' : 'size-6'} />
    </span>
  );
}
