import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { SchoolClass } from '../../api/types';
import { SelectField, TextField } from '../../ui/Field';
import { gradeName } from '../catalogue/area';
import { GRADES } from '../catalogue/grades';

interface ClassChoiceProps {
  classes: SchoolClass[];
  grade: string;
  className: string;
  /** A class that is not on the list yet may be named. */
  makes: boolean;
  onChange: (grade: string, className: string) => void;
}

const NEW = '\n'; // no class has this name

/** One of the school's classes, or a new one with its grade. */
export function ClassChoice({ classes, grade, className, makes, onChange }: ClassChoiceProps) {
  const { t } = useTranslation();
  const known = classes.find((c) => c.name === className);
  const [fresh, setFresh] = useState(false);
  const isNew = makes && (fresh || classes.length === 0 || (className !== '' && !known));
  const asksGrade = isNew || (known !== undefined && known.grade === '');
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      {classes.length > 0 && (
        <SelectField
          label={t('class.class')}
          value={isNew ? NEW : className}
          onChange={(e) => {
            const name = e.target.value;
            setFresh(name === NEW);
            onChange(
              name === NEW ? grade : (classes.find((c) => c.name === name)?.grade ?? ''),
              name === NEW ? '' : name,
            );
          }}
        >
          <option value="" disabled>
            {t('roster.choose')}
          </option>
          {classes.map((c) => (
            <option key={c.id} value={c.name}>
              {c.name}
            </option>
          ))}
          {makes && <option value={NEW}>{t('roster.new_class')}</option>}
        </SelectField>
      )}
      {isNew && (
        <TextField
          label={t('roster.class_name')}
          hint={t('roster.class_name_hint')}
          autoComplete="off"
          maxLength={60}
          value={className}
          onChange={(e) => onChange(grade, e.target.value)}
        />
      )}
      {asksGrade && <GradeField grade={grade} onChange={(g) => onChange(g, className)} />}
    </div>
  );
}

interface GradeFieldProps {
  grade: string;
  optional?: boolean;
  onChange: (grade: string) => void;
}

/** The grade of the curriculum; empty until one is chosen. */
export function GradeField({ grade, optional, onChange }: GradeFieldProps) {
  const { t } = useTranslation();
  return (
    <SelectField
      label={t('roster.grade')}
      required={!optional}
      value={grade}
      onChange={(e) => onChange(e.target.value)}
    >
      <option value="" disabled={!optional}>
        {optional ? '–' : t('roster.choose')}
      </option>
      {GRADES.map((g) => (
        <option key={g} value={g}>
          {gradeName(g, t)}
        </option>
      ))}
    </SelectField>
  );
}
