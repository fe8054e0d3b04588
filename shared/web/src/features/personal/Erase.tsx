import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Eraser } from 'lucide-react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { service } from '../../api';
import type { Erasure } from '../../api/types';
import { stamp } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Check, TextField } from '../../ui/Field';
import { Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { PasswordField } from '../accounts/PasswordField';
import { erasureQuery, REASONS } from './erasure';

interface Props {
  /** Whose data: an id, or 'me'. */
  person: string;
  /** Asked for on paper: a reason takes the place of the password. */
  onPaper?: boolean;
  /** A parent's own account: her children's data is another matter. */
  parent?: boolean;
}

/** Asking for the end of everything about a person, and taking it back while it waits. */
export function Erase({ person, onPaper, parent }: Props) {
  const { t } = useTranslation();
  const query = useQuery(erasureQuery(person));
  const client = useQueryClient();
  const withdraw = useMutation({
    mutationFn: () => service.delete('/people/{id}/erasure', { path: { id: person } }),
    onSuccess: () => client.setQueryData(erasureQuery(person).queryKey, null),
    // It may have happened, or been taken back, while this page stood open.
    onError: () => client.invalidateQueries({ queryKey: erasureQuery(person).queryKey }),
  });
  return (
    <>
      {withdraw.isSuccess && !query.data && (
        <Notice kind="good" live>
          {t('erasure.withdrawn')}
        </Notice>
      )}
      {withdraw.error && <Failure error={withdraw.error} />}
      <Loaded query={query} rows={1}>
        {(asked) =>
          asked ? (
            <Asked asked={asked} busy={withdraw.isPending} onWithdraw={() => withdraw.mutate()} />
          ) : (
            <Ask person={person} onPaper={onPaper} parent={parent} />
          )
        }
      </Loaded>
    </>
  );
}

/** What was asked for: when it happens, the way back, the way to the receipt. */
function Asked({ asked, busy, onWithdraw }: { asked: Erasure; busy: boolean; onWithdraw: () => void }) {
  const { t, i18n } = useTranslation();
  const at = (iso: string) => stamp(iso, i18n.language);
  const over = new Date(asked.due_at) <= new Date();
  return (
    <>
      <Notice kind={asked.done_at ? 'info' : 'waiting'} live>
        {asked.done_at ? (
          <p>{t('erasure.done', { when: at(asked.done_at) })}</p>
        ) : (
          <>
            <p className="font-medium">
              {over
                ? t('erasure.now')
                : t('erasure.asked', { asked: at(asked.asked_at), due: at(asked.due_at) })}
            </p>
            {!over && <p>{t('erasure.until')}</p>}
          </>
        )}
      </Notice>
      <p>
        {t('erasure.code')}: <span className="break-all font-mono font-semibold">{asked.code}</span>
      </p>
      <p className="text-sm text-muted">{t('erasure.code_keep')}</p>
      <div className="flex flex-wrap items-center gap-3">
        {!asked.done_at && (
          <Button look="plain" disabled={busy} onClick={onWithdraw}>
            {busy ? t('action.busy') : t('erasure.withdraw')}
          </Button>
        )}
        <Link
          to={`/erasure/${encodeURIComponent(asked.code)}`}
          className="inline-flex min-h-tap items-center font-semibold text-brand underline underline-offset-2"
        >
          {t('erasure.open_receipt')}
        </Link>
      </div>
    </>
  );
}

const GOES = ['person', 'work', 'family', 'courses'];

/** Three steps lead there: open, read and tick, and the password or the reason. */
function Ask({ person, onPaper, parent }: Props) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <p className="text-muted">{t('erasure.lead')}</p>
      {open ? (
        <AskForm person={person} onPaper={onPaper} parent={parent} onClose={() => setOpen(false)} />
      ) : (
        <Button look="plain" onClick={() => setOpen(true)}>
          <Eraser aria-hidden="true" className="size-5" />
          {t('erasure.open')}
        </Button>
      )}
    </>
  );
}

function AskForm({ person, onPaper, parent, onClose }: Props & { onClose: () => void }) {
  const { t } = useTranslation();
  const [word, setWord] = useState('');
  const [sure, setSure] = useState(false);
  const client = useQueryClient();
  const top = useRef<HTMLFormElement>(null);
  // The button that opened this has gone.
  useEffect(() => top.current?.focus(), []);
  const ask = useMutation({
    mutationFn: () =>
      service.post('/people/{id}/erasure', {
        path: { id: person },
        body: onPaper ? { reason: word.trim() } : { current_password: word },
      }),
    onSuccess: (asked) => client.setQueryData(erasureQuery(person).queryKey, asked),
  });
  const ready = sure && (onPaper ? word.trim() !== '' : word !== '');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready && !ask.isPending) ask.mutate();
  };
  return (
    <form
      ref={top}
      tabIndex={-1}
      onSubmit={submit}
      aria-label={t('erasure.open')}
      className="space-y-4 rounded-xl border border-edge p-3 outline-none"
    >
      <What title={t('erasure.goes')} lines={GOES.map((name) => t(`erasure.goes_${name}`))} />
      <p>{t('erasure.goes_where')}</p>
      {parent && <p className="font-medium">{t('erasure.children_stay')}</p>}
      <What title={t('erasure.keeps')} lines={REASONS.map((reason) => t(`erasure.kept.${reason}`))} />
      {onPaper ? (
        <TextField
          label={t('erasure.reason')}
          hint={t('personal.reason_hint')}
          required
          maxLength={300}
          value={word}
          onChange={(e) => setWord(e.target.value)}
        />
      ) : (
        <PasswordField label={t('erasure.password')} value={word} onChange={setWord} />
      )}
      <Check label={t('erasure.sure')} checked={sure} onChange={setSure} />
      {ask.error && <Failure error={ask.error} />}
      <div className="flex flex-wrap gap-3">
        <Button type="submit" disabled={!ready || ask.isPending}>
          {ask.isPending ? t('action.busy') : t('erasure.ask')}
        </Button>
        <Button look="plain" disabled={ask.isPending} onClick={onClose}>
          {t('action.cancel')}
        </Button>
      </div>
    </form>
  );
}

function What({ title, lines }: { title: string; lines: string[] }) {
  return (
    <div className="space-y-1.5">
      <h4 className="font-medium">{title}</h4>
      <ul className="list-disc space-y-1 pl-5">
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </div>
  );
}
