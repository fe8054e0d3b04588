import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { FileSpreadsheet } from 'lucide-react';
import { type FormEvent, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { ImportPlan } from '../../api/types';
import { Back } from '../../ui/Back';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { TextArea } from '../accounts/TextArea';
import { GradeField } from './ClassChoice';
import { asBase64 } from './file';
import { ImportPreview } from './ImportPreview';
import { usePlace } from './place';
import { reread, schoolClassesQuery } from './queries';

/** What is to be imported: a file or pasted rows, and the answers about rows that may be known already. */
interface Source {
  file: { name: string; content: string } | null;
  text: string;
  grade: string;
  className: string;
}

const NOTHING: Source = { file: null, text: '', grade: '', className: '' };

/** Row number → she is the learner she looks like. */
export type Answers = Record<number, boolean>;

function bodyOf(source: Source, answers: Answers, dryRun: boolean) {
  const rows = Object.entries(answers);
  const said = (same: boolean) => rows.filter(([, is]) => is === same).map(([row]) => Number(row));
  return {
    ...(source.file ? { content: source.file.content } : { text: source.text }),
    ...(source.grade && { grade: source.grade }),
    ...(source.className && { class_name: source.className }),
    same: said(true),
    new: said(false),
    dry_run: dryRun,
  };
}

/** A list from a spreadsheet: first what it would do, row by row, then all of it or nothing. */
export function Import() {
  const { t } = useTranslation();
  const { school, base } = usePlace();
  const queries = useQueryClient();
  const [source, setSource] = useState(NOTHING);
  const [answers, setAnswers] = useState<Answers>({});
  const send = (a: Answers, dryRun: boolean): Promise<ImportPlan> =>
    service.post('/schools/{id}/roster-import', {
      path: { id: school },
      body: bodyOf(source, a, dryRun),
      timeoutMs: 120_000,
    });
  const preview = useMutation({ mutationFn: (a: Answers) => send(a, true) });
  const run = useMutation({ mutationFn: () => send(answers, false), onSuccess: () => reread(queries) });

  const again = (change: Partial<Source>) => {
    setSource({ ...source, ...change });
    setAnswers({});
    preview.reset();
    run.reset();
  };
  const answer = (row: number, same: boolean) => {
    const next = { ...answers, [row]: same };
    setAnswers(next);
    preview.mutate(next);
  };

  return (
    <Page
      title={t('import.title')}
      lead={t('import.lead')}
      above={<Back to={base}>{t('roster.title')}</Back>}
    >
      {run.data ? (
        <Done plan={run.data} base={base} onMore={() => again(NOTHING)} />
      ) : (
        <>
          <SourceForm
            source={source}
            school={school}
            busy={preview.isPending}
            onChange={again}
            onCheck={() => preview.mutate(answers)}
          />
          {preview.error && <Failure error={preview.error} />}
          {run.error && <Failure error={run.error} />}
          {preview.data && (
            <ImportPreview
              plan={preview.data}
              answers={answers}
              busy={preview.isPending || run.isPending}
              importing={run.isPending}
              onAnswer={answer}
              onImport={() => run.mutate()}
            />
          )}
        </>
      )}
    </Page>
  );
}

interface SourceFormProps {
  source: Source;
  school: string;
  busy: boolean;
  onChange: (change: Partial<Source>) => void;
  onCheck: () => void;
}

function SourceForm({ source, school, busy, onChange, onCheck }: SourceFormProps) {
  const { t } = useTranslation();
  const classes = useQuery(schoolClassesQuery(school)).data ?? [];
  const list = useId();
  const check = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) onCheck();
  };
  return (
    <Card>
      <form onSubmit={check} className="space-y-4">
        <FileField
          name={source.file?.name}
          onFile={async (file) =>
            onChange({ file: { name: file.name, content: await asBase64(file) }, text: '' })
          }
        />
        {!source.file && (
          <TextArea
            label={t('import.paste')}
            hint={t('import.paste_hint')}
            rows={5}
            value={source.text}
            onChange={(e) => onChange({ text: e.target.value })}
          />
        )}
        <details>
          <summary className="flex min-h-tap cursor-pointer items-center font-medium">
            {t('import.missing')}
          </summary>
          <div className="mt-2 grid gap-4 sm:grid-cols-2">
            <TextField
              label={t('class.class')}
              autoComplete="off"
              list={list}
              value={source.className}
              onChange={(e) => {
                const known = classes.find((c) => c.name === e.target.value);
                onChange({ className: e.target.value, ...(known?.grade && { grade: known.grade }) });
              }}
            />
            <datalist id={list}>
              {classes.map((c) => (
                <option key={c.id} value={c.name} />
              ))}
            </datalist>
            <GradeField optional grade={source.grade} onChange={(grade) => onChange({ grade })} />
          </div>
        </details>
        <Button type="submit" disabled={busy || (!source.file && source.text.trim() === '')}>
          {busy ? t('action.busy') : t('import.check')}
        </Button>
      </form>
    </Card>
  );
}

function FileField({ name, onFile }: { name?: string; onFile: (file: File) => Promise<void> }) {
  const { t } = useTranslation();
  const id = useId();
  const [unreadable, setUnreadable] = useState(false);
  return (
    <div className="space-y-1.5">
      <label htmlFor={id} className="block font-medium">
        {t('import.file')}
      </label>
      <p id={`${id}-hint`} className="text-sm text-muted">
        {t('import.file_hint')}
      </p>
      <input
        id={id}
        type="file"
        accept=".csv,.tsv,.txt,.xlsx"
        aria-describedby={`${id}-hint`}
        className="block min-h-tap w-full text-base file:mr-3 file:min-h-tap file:rounded-xl file:border file:border-edge file:bg-surface file:px-4 file:font-semibold file:text-ink"
        onChange={(e) => {
          const file = e.target.files?.[0];
          setUnreadable(false);
          if (file) onFile(file).catch(() => setUnreadable(true));
        }}
      />
      {unreadable && <Notice kind="bad">{t('import.unreadable')}</Notice>}
      {name && (
        <p className="flex items-center gap-2 text-sm">
          <FileSpreadsheet aria-hidden="true" className="size-4 shrink-0" />
          {name}
        </p>
      )}
    </div>
  );
}

function Done({ plan, base, onMore }: { plan: ImportPlan; base: string; onMore: () => void }) {
  const { t } = useTranslation();
  const count = (state: string) => plan.rows.filter((r) => r.state === state).length;
  return (
    <div className="space-y-4">
      <Notice kind="good" live>
        <p className="font-medium">{t('import.done')}</p>
        <p>
          {[
            t('import.new', { count: count('new') }),
            t('import.update', { count: count('update') }),
            t('import.same', { count: count('same') }),
          ].join(' · ')}
        </p>
      </Notice>
      <div className="flex flex-wrap gap-3">
        <ButtonLink to={base}>{t('typing.see')}</ButtonLink>
        <Button look="plain" onClick={onMore}>
          {t('import.more')}
        </Button>
      </div>
    </div>
  );
}
