import { useQuery } from '@tanstack/react-query';
import { ChevronRight } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link, Navigate, useSearchParams } from 'react-router';
import type { ClassMember } from '../../api/types';
import { ago } from '../../i18n/format';
import { Page } from '../../ui/Card';
import { SelectField } from '../../ui/Field';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { Initials } from '../identity/Initials';
import { schoolQuery } from '../identity/queries';
import { useMe } from '../identity/session';
import { OpenAlerts } from '../tutor/OpenAlerts';
import { classProgressQuery, summary } from './queries';

/** The teacher's learners, class by class, each with what she has done. The class is in the address. */
export function ClassList() {
  const school = useMe().school_id;
  // An instructor without a school writes courses: they are her first page.
  return school ? <SchoolClasses school={school} /> : <Navigate to="/courses" replace />;
}

function SchoolClasses({ school }: { school: string }) {
  const { t } = useTranslation();
  const query = useQuery(classProgressQuery(school));
  const me = useMe();
  const own = useQuery(schoolQuery(school));
  const head = me.duties?.includes('head');
  return (
    <Page title={t('class.title')} lead={t('class.lead')}>
      {(head || own.data?.named_adult_id === me.id) && <OpenAlerts />}
      {!head && own.error && !own.data && (
        // It is not known whether she is the adult who is told of a child in danger.
        <Failure error={own.error} busy={own.isFetching} onRetry={() => void own.refetch()} />
      )}
      <Loaded
        query={query}
        isEmpty={(list) => list.length === 0}
        empty={<Empty title={t('class.none')}>{t('class.none_text')}</Empty>}
      >
        {(list) => <Learners learners={list} />}
      </Loaded>
    </Page>
  );
}

function Learners({ learners }: { learners: ClassMember[] }) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const classes = [...new Set(learners.map((l) => l.class_name))].filter(Boolean).sort();
  const chosen = params.get('class') ?? '';
  const shown = learners.filter((l) => !chosen || l.class_name === chosen);

  return (
    <div className="space-y-4">
      {classes.length > 1 && (
        <div className="max-w-xs">
          <SelectField
            label={t('class.class')}
            value={chosen}
            onChange={(e) => setParams(e.target.value ? { class: e.target.value } : {}, { replace: true })}
          >
            <option value="">{t('class.all')}</option>
            {classes.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </SelectField>
        </div>
      )}
      <p className="text-muted">{t('signin.learners', { count: shown.length })}</p>
      <ul className="grid gap-3 lg:grid-cols-2">
        {shown.map((learner) => (
          <li key={learner.learner_id}>
            <Row learner={learner} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Row({ learner }: { learner: ClassMember }) {
  const { t, i18n } = useTranslation();
  const { lessons, minutes, last } = summary(learner);
  const facts = [
    learner.class_name,
    t('class.lessons', { count: lessons }),
    t('time.minutes', { count: minutes }),
  ];
  return (
    <Link
      to={`/learners/${learner.learner_id}`}
      className="flex min-h-16 items-center gap-3 rounded-card border border-line bg-surface p-4 shadow-card hover:border-brand"
    >
      <Initials name={learner.name} />
      <span className="min-w-0 flex-1">
        <span className="block font-semibold">{learner.name}</span>
        <span className="block text-sm text-muted">{facts.filter(Boolean).join(' · ')}</span>
        <span className="block text-sm text-muted">
          {last ? t('class.last', { when: ago(last, i18n.language) }) : t('class.never')}
        </span>
      </span>
      <ChevronRight aria-hidden="true" className="size-5 shrink-0 text-muted" />
    </Link>
  );
}
