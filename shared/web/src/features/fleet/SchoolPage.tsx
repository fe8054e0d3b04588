import { useMutation, useQuery } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { service } from '../../api';
import type { School } from '../../api/types';
import { Back } from '../../ui/Back';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { gradeName } from '../catalogue/area';
import { learnersQuery, schoolQuery } from '../identity/queries';
import { AddGuardian, AddInstructor, AddLearner } from './AddPeople';
import { BoxStatus } from './BoxStatus';
import { Claim } from './Claim';
import { fleetQuery } from './queries';

/** One school for the admin: its box, its people, and the courses it may hold. */
export function SchoolPage() {
  const { t } = useTranslation();
  const { school: id = '' } = useParams();
  const query = useQuery(schoolQuery(id));
  return (
    <Loaded query={query}>
      {(school) => (
        <Page
          title={school.name}
          lead={[school.code, school.county].filter(Boolean).join(' · ')}
          above={<Back to="/">{t('nav.schools')}</Back>}
        >
          <div className="grid gap-5 lg:grid-cols-2 lg:items-start">
            <div className="space-y-5">
              <BoxCard school={school} />
              <AddLearner school={school.id} />
              <AddInstructor school={school.id} />
              <AddGuardian school={school.id} />
            </div>
            <Learners school={school.id} />
          </div>
        </Page>
      )}
    </Loaded>
  );
}

function BoxCard({ school }: { school: School }) {
  const { t } = useTranslation();
  const box = useQuery(fleetQuery).data?.find((b) => b.school_id === school.id);
  const claim = useMutation({
    mutationFn: () => service.post('/schools/{id}/claim-codes', { path: { id: school.id } }),
  });
  return (
    <Card className="space-y-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 className="text-xl">{t('school.box')}</h2>
        {box && <BoxStatus status={box.status} />}
      </div>
      <p className="text-muted">{t('school.box_text')}</p>
      {claim.error && <Failure error={claim.error} />}
      {claim.data ? (
        <Claim school={school.name} claim={claim.data} />
      ) : (
        <Button look="plain" disabled={claim.isPending} onClick={() => claim.mutate()}>
          <KeyRound aria-hidden="true" className="size-5" />
          {t('school.new_code')}
        </Button>
      )}
    </Card>
  );
}

function Learners({ school }: { school: string }) {
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
              <li key={learner.id} className="flex flex-wrap items-center justify-between gap-2 py-2.5">
                <span className="min-w-0">
                  <span className="block font-medium">{learner.full_name}</span>
                  <span className="block text-sm text-muted">
                    {[learner.class_name, gradeName(learner.grade, t)].filter(Boolean).join(' · ')}
                  </span>
                </span>
                {!learner.has_pin && <Badge tone="sun">{t('school.no_pin')}</Badge>}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Card>
  );
}
