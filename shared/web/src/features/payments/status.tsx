import {
  CircleCheck,
  CircleHelp,
  CircleX,
  HandCoins,
  Hourglass,
  type LucideIcon,
  Smartphone,
  UserRoundSearch,
} from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Badge, type Tone } from '../../ui/Badge';

const STATES: Record<string, { icon: LucideIcon; tone: Tone }> = {
  waiting: { icon: Hourglass, tone: 'sun' },
  dispatching: { icon: Smartphone, tone: 'sun' },
  pending: { icon: Smartphone, tone: 'sun' },
  unknown: { icon: CircleHelp, tone: 'sun' },
  failed: { icon: CircleX, tone: 'bad' },
  completed: { icon: CircleCheck, tone: 'good' },
  late_success: { icon: CircleCheck, tone: 'good' },
  needs_confirmation: { icon: HandCoins, tone: 'sun' },
  rejected: { icon: CircleX, tone: 'bad' },
  review: { icon: UserRoundSearch, tone: 'sun' },
};

/** Where a payment stands, in plain words. An unknown word of a newer server counts as "being checked". */
export function PaymentState({ state }: { state: string }) {
  const { t } = useTranslation();
  const known = state in STATES ? state : 'review';
  const { icon, tone } = STATES[known] ?? { icon: CircleHelp, tone: 'sun' as Tone };
  return (
    <Badge tone={tone} icon={icon}>
      {t(`payment.${known}`)}
    </Badge>
  );
}
