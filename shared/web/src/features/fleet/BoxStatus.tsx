import { CircleCheck, CircleDashed, CircleX, Clock, type LucideIcon } from 'lucide-react';
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
