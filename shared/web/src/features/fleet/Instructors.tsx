import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ShieldAlert } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { School, SchoolInstructor } from '../../api/types';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Check } from '../../ui/Field';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { instructorsQuery } from '../identity/queries';
import { useMe } from '../identity/session';
import { DUTIES } from './duties';
import { NewSecret } from './NewSecret';

/** The teachers of a school: their duties, who is told of a child in danger, and new passwords for the box. */
export function Instructors({ school }: { school: School }) {
  const { t } = useTranslation();
  const query = useQuery(instructorsQuery(school.id));
  const named = query.data?.find((i) => i.id === school.named_adult_id);
  return (
    <Card className="space-y-3">
      <h2 className="text-xl">{t('instructors.title')}</h2>
      <Loaded
        query={query}
        isEmpty={(list) => list.length === 0}
        empty={<Empty title={t('instructors.none')}>{t('instructors.none_text')}</Empty>}
      >
        {(list) => (
          <>
            {!named && <Notice kind="waiting">{t('instructors.no_named_adult')}</Notice>}
            <ul className="divide-y divide-line">
              {list.map((instructor) => (
                <li key={instructor.id}>
                  <Row school={school} instructor={instructor} named={instructor.id === named?.id} />
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </Card>
  );
}

interface RowProps {
  school: School;
  instructor: SchoolInstructor;
  named: boolean;
}

function Row({ school, instructor, named }: RowProps) {
  const { t } = useTranslation();
  const me = useMe();
  // The head gives duties; who only looks after the box sees them.
  const appoints = me.role === 'admin' || Boolean(me.duties?.includes('head'));
  return (
    <details>
      <summary className="min-h-tap cursor-pointer py-2.5">
        <span className="font-medium">{instructor.full_name}</span>
        <span className="block break-all text-sm text-muted">{instructor.email}</span>
        <span className="mt-1.5 flex flex-wrap gap-1.5">
          {DUTIES.filter((duty) => instructor.duties.includes(duty)).map((duty) => (
            <Badge key={duty} tone="brand">
              {t(`duty.${duty}`)}
            </Badge>
          ))}
          {named && (
            <Badge tone="good" icon={ShieldAlert}>
              {t('instructors.named_adult')}
            </Badge>
          )}
          {!instructor.has_school_password && <Badge tone="sun">{t('instructors.no_password')}</Badge>}
        </span>
      </summary>
      <div className="space-y-4 pb-4">
        {appoints && <Duties school={school.id} instructor={instructor} />}
        {appoints && !named && <NameAdult school={school.id} instructor={instructor} />}
        {(appoints || me.id === instructor.id) && (
          <NewSecret
            open={t('instructors.new_password')}
            openFor={t('instructors.new_password_for', { name: instructor.full_name })}
            label={t('signin.school_password')}
            hint={t('school.password_hint')}
            input={{ type: 'password', minLength: 8, autoComplete: 'new-password' }}
            save={(password) =>
              service.put('/instructors/{id}/school-password', {
                path: { id: instructor.id },
                body: { school_password: password },
              })
            }
            list="instructors"
          />
        )}
      </div>
    </details>
  );
}

function Duties({ school, instructor }: { school: string; instructor: SchoolInstructor }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const set = useMutation({
    mutationFn: (change: { duty: string; active: boolean }) =>
      service.post('/schools/{id}/duties', {
        path: { id: school },
        body: { account_id: instructor.id, ...change },
      }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['instructors', school] }),
  });
  // What was tapped shows at once; the list follows when the cloud has said yes.
  const wished = (duty: string) =>
    set.isPending && set.variables.duty === duty ? set.variables.active : undefined;
  return (
    <fieldset className="space-y-2">
      <legend className="mb-1.5 font-medium">{t('me.duties')}</legend>
      {DUTIES.map((duty) => (
        <Check
          key={duty}
          label={t(`duty.${duty}`)}
          checked={wished(duty) ?? instructor.duties.includes(duty)}
          disabled={set.isPending}
          onChange={(active) => set.mutate({ duty, active })}
        />
      ))}
      {set.error && <Failure error={set.error} />}
    </fieldset>
  );
}

function NameAdult({ school, instructor }: { school: string; instructor: SchoolInstructor }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const name = useMutation({
    mutationFn: () =>
      service.put('/schools/{id}/named-adult', {
        path: { id: school },
        body: { account_id: instructor.id },
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['schools', school] }),
  });
  return (
    <div className="space-y-2">
      <p className="text-sm text-muted">{t('instructors.named_adult_text')}</p>
      <Button look="plain" disabled={name.isPending} onClick={() => name.mutate()}>
        {t('instructors.name_adult')}
      </Button>
      {name.error && <Failure error={name.error} />}
    </div>
  );
}
