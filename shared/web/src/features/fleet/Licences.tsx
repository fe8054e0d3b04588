import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { BadgeCheck } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { Course, Licence } from '../../api/types';
import { moment } from '../../i18n/format';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { gradeName } from '../catalogue/area';
import { coursesQuery } from '../catalogue/queries';
import { licencesQuery } from './queries';

/** Which courses the school's box may hold; one tap gives one more. */
export function Licences({ school }: { school: string }) {
  const { t } = useTranslation();
  const courses = useQuery(coursesQuery());
  const licences = useQuery(licencesQuery(school));
  return (
    <Card className="space-y-3">
      <h2 className="text-xl">{t('licences.title')}</h2>
      <p className="text-muted">{t('licences.lead')}</p>
      <Loaded query={licences}>
        {(held) => (
          <Loaded
            query={courses}
            isEmpty={(data) => !data.courses?.length}
            empty={<Empty title={t('licences.no_courses')} />}
          >
            {(data) => (
              <ul className="divide-y divide-line">
                {data.courses?.map((course) => (
                  <li key={course.id}>
                    <Row
                      school={school}
                      course={course}
                      licence={held.find((l) => l.course_id === course.id)}
                    />
                  </li>
                ))}
              </ul>
            )}
          </Loaded>
        )}
      </Loaded>
    </Card>
  );
}

function Row({ school, course, licence }: { school: string; course: Course; licence?: Licence }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const grant = useMutation({
    mutationFn: () =>
      service.post('/schools/{id}/licences', { path: { id: school }, body: { course_id: course.id } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['licences', school] }),
  });
  return (
    <div className="space-y-2 py-2.5">
      <div className="flex items-center justify-between gap-3">
        <span className="min-w-0">
          <span className="block font-medium">{course.title}</span>
          <span className="block text-sm text-muted">
            {licence
              ? t('licences.since', { edition: licence.edition, time: moment(licence.at, i18n.language) })
              : course.grade_levels?.map((g) => gradeName(g, t)).join(', ')}
          </span>
        </span>
        {licence ? (
          <Badge tone="good" icon={BadgeCheck}>
            {t('licences.held')}
          </Badge>
        ) : (
          <Button
            look="plain"
            aria-label={t('licences.grant_course', { course: course.title })}
            disabled={grant.isPending}
            onClick={() => grant.mutate()}
          >
            {t('licences.grant')}
          </Button>
        )}
      </div>
      {grant.error && <Failure error={grant.error} />}
    </div>
  );
}
