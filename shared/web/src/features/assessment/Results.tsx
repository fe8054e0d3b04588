import { useQuery } from '@tanstack/react-query';
import { CircleCheck, RotateCcw } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { service } from '../../api';
import { moment, number } from '../../i18n/format';
import { Badge } from '../../ui/Badge';
import { ButtonLink } from '../../ui/Button';
import { Page } from '../../ui/Card';
import { Empty, Loaded } from '../../ui/Loaded';

/** Every quiz the learner has handed in, newest first. */
export function Results() {
  const { t, i18n } = useTranslation();
  const query = useQuery({
    queryKey: ['submissions'],
    queryFn: async () =>
      (await service.get('/assessments/my-submissions', { query: { limit: 100 } })).data.submissions,
  });
  return (
    <Page title={t('results.title')}>
      <Loaded
        query={query}
        isEmpty={(list) => list.length === 0}
        empty={
          <Empty title={t('results.none')}>
            <ButtonLink to="/">{t('nav.home')}</ButtonLink>
          </Empty>
        }
      >
        {(list) => (
          <ul className="space-y-3">
            {list.map((s) => (
              <li key={s.submission_id}>
                <Link
                  to={`/quizzes/${s.assessment_id}`}
                  className="flex min-h-16 items-center gap-4 rounded-card border border-line bg-surface p-4 shadow-card hover:border-brand"
                >
                  <span className="w-16 shrink-0 text-center text-xl font-bold tabular-nums">
                    {number(s.percentage, i18n.language)} %
                  </span>
                  <span className="min-w-0 flex-1">
                    <span className="block font-semibold leading-snug">{s.assessment_title}</span>
                    <span className="block text-sm text-muted">
                      {s.course_title} · {moment(s.submitted_at, i18n.language)}
                    </span>
                    <span className="mt-2 block">
                      <Badge tone={s.passed ? 'good' : 'sun'} icon={s.passed ? CircleCheck : RotateCcw}>
                        {s.passed ? t('results.passed') : t('results.try_again')}
                      </Badge>
                    </span>
                  </span>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}
