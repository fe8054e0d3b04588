import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { service } from '../../api';
import type { Letter, OpenLetter } from '../../api/types';
import { moment } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { SelectField, TextField } from '../../ui/Field';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { schoolQuery } from '../identity/queries';
import { Pager } from './Fleet';
import { letterQuery, lettersQuery } from './queries';

const KINDS = ['poison', 'parked', 'unknown', 'waiting'];
const STATES = ['open', 'replayed', 'discarded'];

/** The records that could not be stored, newest first: look, mend and replay, or discard with a reason. */
export function KeptAside() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams({ state: 'open' });
  const get = (name: string) => params.get(name) ?? '';
  const skip = Number(params.get('skip') ?? 0);
  const query = useQuery(
    lettersQuery({ school: get('school'), kind: get('kind'), type: get('type'), state: get('state'), skip }),
  );
  const change = (name: string, value: string) => {
    const next = new URLSearchParams(params);
    next.set(name, value);
    if (name !== 'skip') next.delete('skip');
    setParams(next, { replace: true });
  };
  return (
    <Page
      title={t('letters.title')}
      lead={t('letters.lead')}
      above={<Back to="/fleet">{t('fleet.title')}</Back>}
    >
      <div className="grid gap-3 sm:grid-cols-3">
        <SelectField
          label={t('letters.state')}
          value={get('state')}
          onChange={(e) => change('state', e.target.value)}
        >
          <option value="">{t('fleet.all')}</option>
          {STATES.map((state) => (
            <option key={state} value={state}>
              {t(`letters.state_${state}`)}
            </option>
          ))}
        </SelectField>
        <SelectField
          label={t('letters.kind')}
          value={get('kind')}
          onChange={(e) => change('kind', e.target.value)}
        >
          <option value="">{t('fleet.all')}</option>
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {t(`letters.kind_${kind}`)}
            </option>
          ))}
        </SelectField>
        <TextField
          label={t('letters.type')}
          defaultValue={get('type')}
          onChange={(e) => change('type', e.target.value)}
        />
      </div>
      {get('school') && (
        <p className="flex flex-wrap items-center gap-x-3">
          <span>
            {t('letters.only')} <SchoolName id={get('school')} />
          </span>
          <Button look="plain" onClick={() => change('school', '')}>
            {t('letters.all_schools')}
          </Button>
        </p>
      )}
      {get('type') && <ReplayType type={get('type')} />}
      <Loaded
        query={query}
        isEmpty={(page) => page.letters.length === 0}
        empty={<Empty title={t('letters.none')} />}
      >
        {(page) => (
          <>
            <ul className="space-y-3">
              {page.letters.map((letter) => (
                <li key={letter.id}>
                  <Line letter={letter} />
                </li>
              ))}
            </ul>
            <Pager
              skip={skip}
              total={page.total}
              more={page.has_more}
              go={(to) => change('skip', String(to))}
            />
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** Whose record it is; the way to its box. */
function SchoolName({ id }: { id: string }) {
  const { t } = useTranslation();
  const name = useQuery(schoolQuery(id)).data?.name;
  return (
    <Link to={`/fleet/${id}`} className="inline-flex min-h-tap items-center underline underline-offset-2">
      {name ?? t('fleet.school')}
    </Link>
  );
}

function ReplayType({ type }: { type: string }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const replay = useMutation({
    mutationFn: () => service.post('/fleet/dead-letters/replay', { body: { type } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['letters'] }),
  });
  return (
    <div className="space-y-2">
      <Button look="plain" disabled={replay.isPending} onClick={() => replay.mutate()}>
        {t('letters.replay_type', { type })}
      </Button>
      {replay.error && <Failure error={replay.error} />}
      {replay.data && <Notice live>{t('letters.stored', { n: replay.data.stored })}</Notice>}
    </div>
  );
}

function Line({ letter }: { letter: Letter }) {
  const { t, i18n } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <Card className="space-y-3">
      <div className="flex flex-wrap items-start justify-between gap-2">
        <div className="min-w-0 flex-1 basis-56">
          <h2 className="break-all text-base font-semibold">{letter.type}</h2>
          <p className="break-words text-sm">{letter.reason}</p>
          <p className="text-sm text-muted">
            <SchoolName id={letter.school_id} /> · {t(`letters.kind_${letter.kind}`)} ·{' '}
            {t(`letters.state_${letter.state}`)} · {moment(letter.at, i18n.language)}
          </p>
          {letter.because && <p className="text-sm text-muted">{letter.because}</p>}
        </div>
        <Button look="plain" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? t('letters.close') : t('letters.open')}
        </Button>
      </div>
      {open && <Opened id={letter.id} />}
    </Card>
  );
}

function Opened({ id }: { id: string }) {
  const query = useQuery(letterQuery(id));
  return <Loaded query={query}>{(letter) => <Decide letter={letter} />}</Loaded>;
}

function Decide({ letter }: { letter: OpenLetter }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const before = letter.body ? JSON.stringify(letter.body, null, 2) : '';
  const [text, setText] = useState(before);
  const [reason, setReason] = useState('');
  const done = { onSuccess: () => queries.invalidateQueries({ queryKey: ['letters'] }) };
  const replay = useMutation({
    mutationFn: () =>
      service.post('/fleet/dead-letters/{id}/replay', {
        path: { id: letter.id },
        body: text === before ? { reason } : { reason, body: JSON.parse(text) },
      }),
    ...done,
  });
  const discard = useMutation({
    mutationFn: () =>
      service.post('/fleet/dead-letters/{id}/discard', { path: { id: letter.id }, body: { reason } }),
    ...done,
  });
  const broken = text !== before && !parses(text);
  const busy = replay.isPending || discard.isPending;
  return (
    <div className="space-y-3">
      {before ? (
        <label className="block space-y-1.5">
          <span className="font-medium">{t('letters.body')}</span>
          <textarea
            className="min-h-48 w-full rounded-xl border border-edge bg-surface p-3 font-mono text-sm"
            spellCheck={false}
            aria-invalid={broken}
            readOnly={letter.state !== 'open'}
            value={text}
            onChange={(e) => setText(e.target.value)}
          />
        </label>
      ) : (
        <p className="text-muted">{t('letters.unreadable', { bytes: letter.bytes })}</p>
      )}
      {broken && <p className="text-sm font-medium text-bad">{t('error.code.letter_body')}</p>}
      {letter.state === 'open' && (
        <>
          <TextField
            label={t('letters.reason')}
            value={reason}
            maxLength={500}
            onChange={(e) => setReason(e.target.value)}
          />
          {(replay.error || discard.error) && <Failure error={replay.error ?? discard.error} />}
          <div className="flex flex-wrap gap-3">
            <Button
              disabled={busy || broken || (text !== before && !reason.trim())}
              onClick={() => replay.mutate()}
            >
              {text === before ? t('letters.replay') : t('letters.replay_mended')}
            </Button>
            <Button look="plain" disabled={busy || !reason.trim()} onClick={() => discard.mutate()}>
              {t('letters.discard')}
            </Button>
          </div>
        </>
      )}
    </div>
  );
}

function parses(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}
