import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Page } from '../../ui/Card';
import { Empty, Loaded } from '../../ui/Loaded';
import { useMe } from '../identity/session';
import { useCourseTitles, useLearnerNames } from './names';
import { PaymentCard } from './PaymentCard';
import { StartPayment } from './StartPayment';

/** The bursar starts payments here and sees where each one stands. */
export function BursarPayments() {
  const { t } = useTranslation();
  const school = useMe().school_id ?? '';
  const query = useQuery({
    queryKey: ['payments', school],
    queryFn: () => service.get('/schools/{id}/payments', { path: { id: school }, query: { limit: 100 } }),
    refetchInterval: 5_000,
  });
  const learner = useLearnerNames(school);
  const course = useCourseTitles();
  return (
    <Page title={t('payments.title')} lead={t('payments.lead')}>
      <div className="grid gap-6 lg:grid-cols-[22rem_1fr] lg:items-start">
        <StartPayment school={school} />
        <section className="space-y-3">
          <h2 className="text-xl">{t('payments.list')}</h2>
          <Loaded
            query={query}
            isEmpty={(data) => !data.items?.length}
            empty={<Empty title={t('payments.none')}>{t('payments.none_text')}</Empty>}
          >
            {(data) => (
              <ul className="space-y-3">
                {data.items?.map((payment) => (
                  <li key={payment.id}>
                    <PaymentCard
                      payment={payment}
                      learner={learner(payment.user_id)}
                      course={course(payment.course_id)}
                    />
                  </li>
                ))}
              </ul>
            )}
          </Loaded>
        </section>
      </div>
    </Page>
  );
}
