import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { SchoolLearner } from '../../api/types';
import { Badge } from '../../ui/Badge';
import { Card } from '../../ui/Card';
import { Empty, Loaded } from '../../ui/Loaded';
import { gradeName } from '../catalogue/area';
import { learnersQuery } from '../identity/queries';
import { NewSecret } from './NewSecret';

/** The learners of a school; one who forgot her PIN gets a new one here. */
export function Learners({ school }: { school: string }) {
  const { t } = useTranslation();
  const query = useQuery(learnersQuery(school));
  return (
    <Card className="space-y-3">
      <h2 className="text-xl">{t('school.learners')}</h2>
      <Loaded
        query={query}
        isEmpty={(list) => list.length === 0}
        empty={<Empty title={t('school.no_learners')}>{t('school.no_learners_text')}</Empty>}
      >
        {(list) => (
          <ul className="divide-y divide-line">
            {list.map((learner) => (
              <li key={learner.id}>
                <Row learner={learner} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Card>
  );
}

function Row({ learner }: { learner: SchoolLearner }) {
  const { t } = useTranslation();
  return (
    <div className="flex flex-wrap items-center justify-between gap-2 py-2.5">
      <span className="min-w-0">
        <span className="block font-medium">{learner.full_name}</span>
        <span className="block text-sm text-muted">
          {[learner.class_name, gradeName(learner.grade, t)].filter(Boolean).join(' · ')}
        </span>
        {!learner.has_pin && <Badge tone="sun">{t('school.no_pin')}</Badge>}
      </span>
      <NewSecret
        open={t('school.new_pin')}
        openFor={t('school.new_pin_for', { name: learner.full_name })}
        label={t('school.pin')}
        hint={t('school.pin_hint')}
        input={{ inputMode: 'numeric', pattern: '[0-9]{4,6}', maxLength: 6, autoComplete: 'off' }}
        save={(pin) => service.put('/learners/{id}/pin', { path: { id: learner.id }, body: { pin } })}
        list="learners"
      />
    </div>
  );
}
