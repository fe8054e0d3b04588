import { useMutation, useQuery } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { service } from '../../api';
import type { Duty, School } from '../../api/types';
import { Back } from '../../ui/Back';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Failure, Loaded } from '../../ui/Loaded';
import { schoolQuery } from '../identity/queries';
import { useMe } from '../identity/session';
import { AddGuardian, AddInstructor, AddLearner } from './AddPeople';
import { Boxes } from './Boxes';
import { BoxStatus } from './BoxStatus';
import { Claim } from './Claim';
import { Instructors } from './Instructors';
import { Learners } from './Learners';
import { Licences } from './Licences';
import { Line } from './Line';
import { boxQuery } from './queries';

/** One school: its box and courses for the admin; its people for the admin and, at the cloud, its teachers. */
export function SchoolPage() {
  const { t } = useTranslation();
  const { school: id = '' } = useParams();
  const query = useQuery(schoolQuery(id));
  const me = useMe();
  const admin = me.role === 'admin';
  const has = (...duties: Duty[]) => admin || duties.some((duty) => me.duties?.includes(duty));
  return (
    <Loaded query={query}>
      {(school) => (
        <Page
          title={school.name}
          lead={[school.code, school.county].filter(Boolean).join(' · ')}
          above={admin && <Back to="/">{t('nav.schools')}</Back>}
        >
          <div className="grid gap-5 lg:grid-cols-2 lg:items-start">
            <div className="space-y-5">
              {admin && <BoxCard school={school} />}
              {admin && <Boxes school={school} />}
              {has('head', 'site_admin') && <Instructors school={school} />}
              {has('head', 'site_admin') && <AddLearner school={school.id} />}
              {has('head', 'site_admin') && <AddInstructor school={school.id} appoints={has('head')} />}
              {has('head', 'site_admin') && <AddGuardian school={school.id} />}
            </div>
            <div className="space-y-5">
              <Link
                to={admin ? `/schools/${school.id}/roster` : '/roster'}
                className="inline-flex min-h-tap items-center font-semibold underline underline-offset-2"
              >
                {t('roster.open')}
              </Link>
              <Learners school={school.id} />
              {admin && <Licences school={school.id} />}
              {admin && <Line school={school.id} />}
            </div>
          </div>
        </Page>
      )}
    </Loaded>
  );
}

function BoxCard({ school }: { school: School }) {
  const { t } = useTranslation();
  const box = useQuery(boxQuery(school.id)).data;
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
      {box && box.status !== 'never' && (
        <p>
          <Link
            to={`/fleet/${school.id}`}
            className="inline-flex min-h-tap items-center font-semibold underline underline-offset-2"
          >
            {t('school.box_figures')}
          </Link>
        </p>
      )}
    </Card>
  );
}
