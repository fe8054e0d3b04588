import { useQuery } from '@tanstack/react-query';
import { ChevronRight, Clock, FileUp, Keyboard } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import type { RosterLine, SchoolClass } from '../../api/types';
import { Back } from '../../ui/Back';
import { Badge } from '../../ui/Badge';
import { ButtonLink } from '../../ui/Button';
import { Page } from '../../ui/Card';
import { SelectField, TextField } from '../../ui/Field';
import { Empty, Loaded } from '../../ui/Loaded';
import { Csv } from './Csv';
import { mayChange, type Place, usePlace } from './place';
import { rosterQuery, schoolClassesQuery } from './queries';
import { Slips } from './Slips';
import { Todos } from './Todos';

/** A school's list of learners: by class, with what is known of each. */
export function Roster() {
  const { t } = useTranslation();
  const place = usePlace();
  const query = useQuery(rosterQuery(place.school));
  const classes = useQuery(schoolClassesQuery(place.school)).data ?? [];
  return (
    <Page
      title={t('roster.title')}
      lead={t('roster.lead')}
      above={place.me.role === 'admin' && <Back to={`/schools/${place.school}`}>{t('nav.school')}</Back>}
    >
      {place.manages && <Todos school={place.school} />}
      <Ways place={place} classes={classes} />
      <Loaded
        query={query}
        isEmpty={(list) => list.length === 0}
        empty={<Empty title={t('roster.none')}>{t('roster.none_text')}</Empty>}
      >
        {(list) => <Lines lines={list} place={place} classes={classes} />}
      </Loaded>
    </Page>
  );
}

/** What this person may do with the list. */
function Ways({ place, classes }: { place: Place; classes: SchoolClass[] }) {
  const { t } = useTranslation();
  const types = classes.some((c) => mayChange(place, c.name, classes)) || mayChange(place, '', []);
  if (!types && !place.manages) return null;
  return (
    <nav aria-label={t('roster.ways')} className="flex flex-wrap gap-2">
      {types && (
        <ButtonLink to={`${place.base}/type`}>
          <Keyboard aria-hidden="true" className="size-5" />
          {t('typing.title')}
        </ButtonLink>
      )}
      {place.manages && (
        <ButtonLink look="plain" to={`${place.base}/import`}>
          <FileUp aria-hidden="true" className="size-5" />
          {t('import.title')}
        </ButtonLink>
      )}
      {place.manages && (
        <>
          <ButtonLink look="plain" to={`${place.base}/classes`}>
            {t('classes.title')}
          </ButtonLink>
          <ButtonLink look="plain" to={`${place.base}/merges`}>
            {t('merge.title')}
          </ButtonLink>
          <ButtonLink look="plain" to={`${place.base}/receive`}>
            {t('receive.title')}
          </ButtonLink>
        </>
      )}
    </nav>
  );
}

interface LinesProps {
  lines: RosterLine[];
  place: Place;
  classes: SchoolClass[];
}

function Lines({ lines, place, classes: made }: LinesProps) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const [words, setWords] = useState('');
  const classes = [...new Set(lines.map((l) => l.class_name))].filter(Boolean).sort();
  const chosen = classes.includes(params.get('class') ?? '') ? (params.get('class') ?? '') : '';
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = lines.filter((l) => {
    const text = `${l.full_name} ${l.admission_number ?? ''} ${l.upi ?? ''}`.toLowerCase();
    return (!chosen || l.class_name === chosen) && wanted.every((word) => text.includes(word));
  });

  return (
    <div className="space-y-4">
      <div className="grid gap-3 sm:grid-cols-2">
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
        <TextField
          label={t('roster.search')}
          type="search"
          autoComplete="off"
          value={words}
          onChange={(e) => setWords(e.target.value)}
        />
      </div>
      <p className="text-muted" role="status">
        {t('signin.learners', { count: shown.length })}
      </p>
      <Csv key={`csv ${chosen}`} school={place.school} className={chosen} />
      {chosen && shown.length > 0 && mayChange(place, chosen, made) && (
        <Slips key={chosen} school={place.school} learners={shown.map((l) => l.id)} kind="link" />
      )}
      {shown.length === 0 ? (
        <Empty title={t('roster.no_match')} />
      ) : (
        <ul className="divide-y divide-line rounded-card border border-line bg-surface">
          {shown.map((line) => (
            <li key={line.id}>
              <Line line={line} base={place.base} withClass={!chosen} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Line({ line, base, withClass }: { line: RosterLine; base: string; withClass: boolean }) {
  const { t } = useTranslation();
  const facts = [
    withClass && line.class_name,
    line.admission_number && t('roster.adm', { number: line.admission_number }),
    line.upi && t('roster.upi', { upi: line.upi }),
    line.age !== null && t('roster.age', { count: line.age }),
  ];
  return (
    <Link
      to={`${base}/learners/${line.id}`}
      className="flex min-h-child items-center gap-3 px-4 py-2 hover:bg-raised"
    >
      <span className="min-w-0 flex-1">
        <span className="block font-medium">{line.full_name}</span>
        <span className="block text-sm text-muted">{facts.filter(Boolean).join(' · ')}</span>
      </span>
      {line.waiting && (
        <Badge tone="sun" icon={Clock}>
          {t('roster.waiting')}
        </Badge>
      )}
      <ChevronRight aria-hidden="true" className="size-5 shrink-0 text-muted" />
    </Link>
  );
}
