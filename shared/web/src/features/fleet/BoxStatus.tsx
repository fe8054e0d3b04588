import { CircleCheck, CircleDashed, CircleX, Clock, type LucideIcon, TriangleAlert } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { Box } from '../../api/types';
import { Badge, type Tone } from '../../ui/Badge';

const STATES: Record<Box['status'], { icon: LucideIcon; tone: Tone }> = {
  online: { icon: CircleCheck, tone: 'good' },
  late: { icon: Clock, tone: 'sun' },
  offline: { icon: CircleX, tone: 'bad' },
  never: { icon: CircleDashed, tone: 'plain' },
};

/** Whether a school's box was heard of: online (2 minutes), late (a day), offline, never. */
export function BoxStatus({ status }: { status: Box['status'] }) {
  const { t } = useTranslation();
  const { icon, tone } = STATES[status];
  return (
    <Badge tone={tone} icon={icon}>
      {t(`fleet.${status}`)}
    </Badge>
  );
}

const GRAVE = ['paused', 'stuck', 'digest', 'letters', 'disk'];

/** What is wrong with a box, in words; nothing when nothing is. */
export function Troubles({ box }: { box: Box }) {
  const { t } = useTranslation();
  if (box.troubles.length === 0) return null;
  return (
    <ul className="flex flex-wrap gap-2">
      {box.troubles.map((trouble) => (
        <li key={trouble}>
          <Badge tone={GRAVE.includes(trouble) ? 'bad' : 'sun'} icon={TriangleAlert}>
            {t(`fleet.trouble.${trouble}`)}
          </Badge>
        </li>
      ))}
    </ul>
  );
}
