import { useQuery } from '@tanstack/react-query';
import { HardDriveDownload } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { useConnection } from '../../offline/connection';
import { ButtonLink } from '../../ui/Button';
import { Page } from '../../ui/Card';
import { SelectField } from '../../ui/Field';
import { Empty, Loaded } from '../../ui/Loaded';
import { useMe } from '../identity/session';
import { gradeName } from './area';
import { CourseTile } from './CourseTile';
import { GRADES } from './grades';
import { coursesQuery } from './queries';

/** Every course there is here; the grade is in the address, so the list can be shared and reloaded. */
export function Courses() {
  const { t } = useTranslation();
  const me = useMe();
  const school = useConnection((s) => s.status?.side === 'school');
  const [params, setParams] = useSearchParams();
  const own = me.role === 'student' ? me.profile_data.grade_level : undefined;
  const grade = params.get('grade') ?? own ?? '';
  const query = useQuery(coursesQuery(grade && grade !== 'all' ? grade : undefined));

  return (
    <Page
      title={t('courses.title')}
      lead={t('courses.lead')}
      side={
        me.role === 'instructor' &&
        school && (
          <ButtonLink look="plain" to="/downloads">
            <HardDriveDownload aria-hidden="true" className="size-5" />
            {t('downloads.title')}
          </ButtonLink>
        )
      }
    >
      <div className="max-w-xs">
        <SelectField
          label={t('courses.grade')}
          value={grade || 'all'}
          onChange={(e) => setParams({ grade: e.target.value }, { replace: true })}
        >
          <option value="all">{t('courses.all_grades')}</option>
          {GRADES.map((g) => (
            <option key={g} value={g}>
              {gradeName(g, t)}
            </option>
          ))}
        </SelectField>
      </div>
      <Loaded
        query={query}
        isEmpty={(data) => !data.courses?.length}
        empty={<Empty title={t('courses.none')}>{t('courses.none_text')}</Empty>}
      >
        {(data) => (
          <ul className="grid gap-3 sm:grid-cols-2">
            {data.courses.map((course) => (
              <li key={course.id}>
                <CourseTile course={course} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}
