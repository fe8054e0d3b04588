import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Smartphone } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { Payment } from '../../api/types';
import { money } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Page } from '../../ui/Card';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { childrenQuery } from '../learning/queries';
import { useCourseTitles } from './names';
import { PaymentCard } from './PaymentCard';

/** A guardian's payments. One that waited too long asks for a fresh yes before any phone rings. */
export function ParentPayments() {
  const { t } = useTranslation();
  const query = useQuery({
    queryKey: ['payments', 'mine'],
    queryFn: () => service.get('/parent/payments', { query: { limit: 100 } }),
    refetchInterval: 5_000,
  });
  const children = useQuery(childrenQuery).data?.children ?? [];
  const child = (id: string) => children.find((c) => c.id === id)?.name ?? t('payments.learner');
  const course = useCourseTitles();
  return (
    <Page title={t('payments.title')} lead={t('payments.parent_lead')}>
      <Loaded
        query={query}
        isEmpty={(data) => !data.items?.length}
        empty={<Empty title={t('payments.none')}>{t('payments.parent_none')}</Empty>}
      >
        {(data) => (
          <ul className="grid gap-3 sm:grid-cols-2">
            {data.items?.map((payment) => (
              <li key={payment.id}>
                <PaymentCard
                  payment={payment}
                  learner={child(payment.user_id)}
                  course={course(payment.course_id)}
                >
                  {payment.state === 'needs_confirmation' && <FreshYes payment={payment} />}
                </PaymentCard>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}

function FreshYes({ payment }: { payment: Payment }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const confirm = useMutation({
    mutationFn: () => service.post('/payments/{id}/confirm', { path: { id: payment.id } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['payments'] }),
  });
  return (
    <div className="space-y-3 pt-1">
      <p>{t('payments.fresh_yes')}</p>
      {confirm.error && <Failure error={confirm.error} />}
      <Button look="sun" wide disabled={confirm.isPending} onClick={() => confirm.mutate()}>
        <Smartphone aria-hidden="true" className="size-5" />
        {t('payments.confirm', { amount: money(payment.amount, payment.currency, i18n.language) })}
      </Button>
    </div>
  );
}
