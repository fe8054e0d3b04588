import { Lock, LockOpen } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Course } from '../../api/types';
import { Badge } from '../../ui/Badge';
import { AreaMark, areaName, gradeName } from './area';

export function CourseTile({ course }: { course: Course }) {
  const { t } = useTranslation();
  return (
    <Link
      to={`/courses/${course.id}`}
      className="flex h-full items-center gap-3 rounded-card border border-line bg-surface p-4 shadow-card hover:border-brand"
    >
      <AreaMark area={course.learning_area} />
      <span className="min-w-0 flex-1 space-y-1">
        <span className="block font-bold leading-snug">{course.title}</span>
        <span className="block text-sm text-muted">
          {areaName(course.learning_area, t)} · {course.grade_levels.map((g) => gradeName(g, t)).join(', ')}
        </span>
        {course.is_paid && (
          <Badge tone={course.entitled ? 'good' : 'sun'} icon={course.entitled ? LockOpen : Lock}>
            {course.entitled ? t('course.unlocked') : t('course.paid')}
          </Badge>
        )}
      </span>
    </Link>
  );
}
