import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import type { ClassMember } from '../../api/types';
import { ago } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { Card, Page } from '../../ui/Card';
import { Empty, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { Progress } from '../../ui/Progress';
import { AreaMark, gradeName } from '../catalogue/area';
import { ConsentBySms } from '../identity/ConsentBySms';
import { ConsentHistory } from '../identity/ConsentHistory';
import { RecordConsent } from '../identity/RecordConsent';
import { useMe } from '../identity/session';
import { PersonalData } from '../personal/PersonalData';
import { classProgressQuery } from './queries';

/** One learner, for her teacher: what she has done, and what her guardian agreed to on paper. */
export function LearnerPage() {
  const { t } = useTranslation();
  const { learner: id = '' } = useParams();
  const me = useMe();
  const query = useQuery(classProgressQuery(me.school_id ?? ''));
  return (
    <Loaded query={query}>
      {(list) => {
        const learner = list.find((l) => l.learner_id === id);
        if (!learner) return <Notice kind="bad">{t('error.status.404')}</Notice>;
        return (
          <Page
            title={learner.name}
            lead={[learner.class_name, gradeName(learner.grade_level, t)].filter(Boolean).join(' · ')}
            above={<Back to="/">{t('nav.class')}</Back>}
          >
            <Work learner={learner} />
            <RecordConsent learner={id} />
            <ConsentHistory learner={id} title={t('consent.history')} />
            <ConsentBySms learner={id} />
            {me.duties?.includes('head') && <PersonalData person={id} name={learner.name} onPaper />}
          </Page>
        );
      }}
    </Loaded>
  );
}

function Work({ learner }: { learner: ClassMember }) {
  const { t, i18n } = useTranslation();
  const courses = learner.courses ?? [];
  return (
    <section className="space-y-3">
      <h2 className="text-xl">{t('learner.courses')}</h2>
      {courses.length === 0 ? (
        <Empty title={t('class.never')} />
      ) : (
        <ul className="grid gap-3 sm:grid-cols-2">
          {courses.map((c) => (
            <li key={c.course_id}>
              <Card className="space-y-3">
                <div className="flex items-center gap-3">
                  <AreaMark area={c.learning_area} />
                  <div>
                    <h3 className="font-bold leading-snug">{c.title}</h3>
                    <p className="text-sm text-muted">
                      {t('time.minutes', { count: c.minutes_spent })}
                      {c.last_activity && ` · ${ago(c.last_activity, i18n.language)}`}
                    </p>
                  </div>
                </div>
                <Progress done={c.lessons_completed} total={c.total_lessons} label={c.title} />
              </Card>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
