import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Payment } from '../../api/types';
import { moment, money } from '../../i18n/format';
import { Card } from '../../ui/Card';
import { PaymentState } from './status';

interface PaymentCardProps {
  payment: Payment;
  learner: string;
  course: string;
  children?: ReactNode;
}

/** One payment: for whom, for what, how much, and where it stands. */
export function PaymentCard({ payment, learner, course, children }: PaymentCardProps) {
  const { t, i18n } = useTranslation();
  return (
    <Card className="space-y-2">
      <div className="flex flex-wrap items-start justify-between gap-2">
        <div>
          <h3 className="font-bold">{learner}</h3>
          <p className="text-muted">{course}</p>
        </div>
        <p className="text-lg font-bold tabular-nums">
          {money(payment.amount, payment.currency, i18n.language)}
        </p>
      </div>
      <PaymentState state={payment.state} />
      <p className="text-sm text-muted">
        {t('payments.from', { phone: payment.phone_number })} · {moment(payment.created_at, i18n.language)}
      </p>
      {payment.transaction_id && (
        <p className="text-sm text-muted">{t('payments.receipt', { receipt: payment.transaction_id })}</p>
      )}
      {children}
    </Card>
  );
}
