import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { CornerDownLeft, HardDriveDownload } from 'lucide-react';
import { type FormEvent, type MutableRefObject, type RefObject, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Back } from '../../ui/Back';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure, Loaded, Skeleton } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { ClassChoice } from './ClassChoice';
import { mayChange, type Place, usePlace, withGrades } from './place';
import { reread, rosterQuery, schoolClassesQuery } from './queries';
import { sendRows } from './send';
import { TypedRows } from './TypedRows';
import { doubtsOf, rowOf, type Typed, textOf } from './typed';
import { useTyped } from './useTyped';

/** A whole class from a paper list: a name, Enter, the next name. Each is kept on this device at once. */
export function Typing() {
  const { t } = useTranslation();
  const place = usePlace();
  const { typed, kept, change, latest } = useTyped(place.me.id, place.school);
  return (
    <Page
      title={t('typing.title')}
      lead={t('typing.lead')}
      above={<Back to={place.base}>{t('roster.title')}</Back>}
    >
      {typed ? (
        <TypedClass place={place} typed={typed} kept={kept} change={change} latest={latest} />
      ) : (
        <Skeleton rows={2} />
      )}
    </Page>
  );
}

interface TypedClassProps {
  place: Place;
  typed: Typed;
  kept: 'kept' | 'writing' | 'failed';
  change: (how: (now: Typed) => Partial<Typed>) => void;
  latest: MutableRefObject<Typed | null>;
}

function TypedClass({ place, typed, kept, change, latest }: TypedClassProps) {
  const { t } = useTranslation();
  const classes = useQuery(schoolClassesQuery(place.school));
  const here = useQuery(rosterQuery(place.school)).data ?? [];
  const known = withGrades(classes.data ?? [], here);
  const own = known.filter((c) => c.active && mayChange(place, c.name, known));
  // The class may have been chosen before the list of learners was here.
  const grade = typed.grade || own.find((c) => c.name === typed.className)?.grade || '';
  const doubts = doubtsOf(typed.rows, typed.className || typed.grade, here);
  const save = useSave({ school: place.school, grade, change, latest });
  const form = useRef<HTMLFormElement>(null);

  return (
    <div className="space-y-5">
      <Loaded query={classes} rows={1}>
        {() => (
          <Card>
            <ClassChoice
              classes={own}
              grade={typed.grade}
              className={typed.className}
              makes={mayChange(place, '', [])}
              onChange={(grade, className) => change(() => ({ grade, className }))}
            />
          </Card>
        )}
      </Loaded>
      <NameField form={form} typed={typed} change={change} />
      <p className="flex items-center gap-2 text-sm text-muted" role="status">
        <HardDriveDownload aria-hidden="true" className="size-4 shrink-0" />
        {t(kept === 'failed' ? 'typing.not_kept' : kept === 'writing' ? 'typing.writing' : 'typing.kept')}
      </p>
      <TypedRows
        rows={typed.rows}
        doubts={doubts}
        onChange={(rows) => change(() => ({ rows }))}
        onEdit={(row) => {
          change((now) => ({ text: textOf(row), rows: now.rows.filter((r) => r.id !== row.id) }));
          form.current?.querySelector('input')?.focus();
        }}
      />
      {save.error && (
        <>
          <Failure error={save.error} />
          <Notice kind="good">{t('typing.nothing_lost')}</Notice>
        </>
      )}
      {save.data !== undefined && save.data > 0 && (
        <Notice kind="good" live>
          <p>{t('typing.saved', { count: save.data })}</p>
          <ButtonLink
            look="plain"
            to={`${place.base}?class=${encodeURIComponent(typed.className || typed.grade)}`}
          >
            {t('typing.see')}
          </ButtonLink>
        </Notice>
      )}
      {typed.rows.length > 0 && (
        <div className="space-y-2">
          {!grade && <p className="text-sm">{t('typing.no_class')}</p>}
          {doubts.size > 0 && <p className="text-sm">{t('typing.doubts', { count: doubts.size })}</p>}
          <Button
            wide
            disabled={save.isPending || !grade || typed.rows.length === doubts.size}
            onClick={() => save.mutate()}
          >
            {save.isPending
              ? t('typing.saving', { count: typed.rows.length })
              : t('typing.save', { count: typed.rows.length - doubts.size })}
          </Button>
        </div>
      )}
    </div>
  );
}

interface Saving extends Pick<TypedClassProps, 'change' | 'latest'> {
  school: string;
  grade: string;
}

/** Sends the rows that are in no doubt; gives how many are on the list now. */
function useSave({ school, grade, change, latest }: Saving) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      const typed = latest.current;
      if (!typed) return 0;
      // What came to the list while somebody was typing is asked for once more.
      const here = await queries.fetchQuery({ ...rosterQuery(school), staleTime: 0 });
      const doubts = doubtsOf(typed.rows, typed.className || typed.grade, here);
      let saved = 0;
      const rows = typed.rows.filter((r) => !doubts.has(r.id));
      try {
        await sendRows(school, { ...typed, grade }, rows, (row, refused) => {
          if (!refused) saved++;
          change((now) => ({
            rows: refused
              ? now.rows.map((r) => (r.id === row.id ? { ...r, refused } : r))
              : now.rows.filter((r) => r.id !== row.id),
          }));
        });
      } finally {
        await reread(queries);
      }
      return saved;
    },
  });
}

interface NameFieldProps extends Pick<TypedClassProps, 'typed' | 'change'> {
  form: RefObject<HTMLFormElement>;
}

function NameField({ form, typed, change }: NameFieldProps) {
  const { t } = useTranslation();
  const add = (event: FormEvent) => {
    event.preventDefault();
    const row = rowOf(typed.text);
    if (row) change((now) => ({ rows: [...now.rows, row], text: '' }));
    form.current?.querySelector('input')?.focus();
  };
  return (
    <form ref={form} onSubmit={add} className="flex items-end gap-2">
      <div className="min-w-0 flex-1">
        <TextField
          label={t('typing.name', { number: typed.rows.length + 1 })}
          hint={t('typing.name_hint')}
          autoComplete="off"
          autoCapitalize="words"
          autoCorrect="off"
          spellCheck={false}
          enterKeyHint="next"
          maxLength={170}
          value={typed.text}
          onChange={(e) => change(() => ({ text: e.target.value }))}
        />
      </div>
      <Button type="submit" aria-label={t('typing.next')} className="px-4">
        <CornerDownLeft aria-hidden="true" className="size-5" />
      </Button>
    </form>
  );
}
