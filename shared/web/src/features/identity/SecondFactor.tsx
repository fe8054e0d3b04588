import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { secondFactorQuery } from './queries';
import { reloadMe, useMe } from './session';

type Setup = { secret: string; picture: string };

/** The person's own second factor: set up, recovery codes, off. */
export function SecondFactor() {
  const { t } = useTranslation();
  const query = useQuery(secondFactorQuery);
  const [codes, setCodes] = useState<string[] | null>(null);

  return (
    <Card>
      <h2 className="mb-3 text-lg">{t('factor.title')}</h2>
      {codes ? (
        <RecoveryCodes codes={codes} onDone={() => setCodes(null)} />
      ) : (
        <Loaded query={query} rows={1}>
          {(status) =>
            status.enabled ? (
              <TurnedOn left={status.recovery_codes_left} required={status.required} onCodes={setCodes} />
            ) : (
              <SetUp required={status.required} onCodes={setCodes} />
            )
          }
        </Loaded>
      )}
    </Card>
  );
}

function SetUp({ required, onCodes }: { required: boolean; onCodes: (codes: string[]) => void }) {
  const { t } = useTranslation();
  const [setup, setSetup] = useState<Setup | null>(null);
  const [password, setPassword] = useState('');
  const begin = useMutation({
    mutationFn: () => service.post('/users/me/second-factor', { body: { password } }),
    onSuccess: setSetup,
  });
  if (setup) return <Scan setup={setup} onCodes={onCodes} />;
  return (
    <Asked action={t('factor.begin')} attempt={begin} ready={password !== ''}>
      {required && <Notice kind="waiting">{t('factor.required')}</Notice>}
      <p className="max-w-prose text-muted">{t('factor.what')}</p>
      <TextField
        label={t('factor.password')}
        type="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={(e) => setPassword(e.target.value)}
      />
    </Asked>
  );
}

function Scan({ setup, onCodes }: { setup: Setup; onCodes: (codes: string[]) => void }) {
  const { t } = useTranslation();
  const [code, setCode] = useState('');
  const confirm = useMutation({
    mutationFn: () => service.post('/users/me/second-factor/confirm', { body: { code } }),
    onSuccess: (answer) => onCodes(answer.recovery_codes),
  });
  return (
    <Asked action={t('factor.confirm')} attempt={confirm} ready={code !== ''}>
      <p className="max-w-prose">{t('factor.scan')}</p>
      <img
        src={setup.picture}
        width={232}
        height={232}
        alt={t('factor.picture')}
        className="rounded-xl bg-white p-2"
      />
      <p className="text-sm text-muted">
        {t('factor.by_hand')} <code className="break-all font-semibold text-ink">{setup.secret}</code>
      </p>
      <CodeField code={code} onChange={setCode} />
    </Asked>
  );
}

interface TurnedOnProps {
  left: number;
  required: boolean;
  onCodes: (codes: string[]) => void;
}

function TurnedOn({ left, required, onCodes }: TurnedOnProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const first = useMe().second_factor_first;
  const [code, setCode] = useState('');
  const goOn = useMutation({ mutationFn: reloadMe });
  const renew = useMutation({
    mutationFn: () => service.post('/users/me/second-factor/recovery-codes', { body: { code } }),
    onSuccess: (answer) => onCodes(answer.recovery_codes),
  });
  const remove = useMutation({
    mutationFn: () => service.post('/users/me/second-factor/remove', { body: { code } }),
    onSuccess: () => client.invalidateQueries({ queryKey: secondFactorQuery.queryKey }),
  });
  return (
    <Asked action={t('factor.new_codes')} attempt={renew} ready={code !== ''}>
      <Notice kind={left > 2 ? 'good' : 'waiting'}>{t('factor.on', { count: left })}</Notice>
      <p className="max-w-prose text-muted">{t('factor.change')}</p>
      {first && (
        // The answer with the codes was lost, or the page was left: the old sign-in still waits here.
        <>
          {goOn.error && <Failure error={goOn.error} />}
          <Button look="plain" disabled={goOn.isPending} onClick={() => goOn.mutate()}>
            {goOn.isPending ? t('factor.busy') : t('factor.go_on')}
          </Button>
        </>
      )}
      <CodeField code={code} onChange={setCode} />
      {!required && (
        <>
          {remove.error && <Failure error={remove.error} />}
          <Button look="plain" disabled={code === '' || remove.isPending} onClick={() => remove.mutate()}>
            {t('factor.remove')}
          </Button>
        </>
      )}
    </Asked>
  );
}

/** The codes for the day the phone is lost: shown once, to be printed or written down. */
function RecoveryCodes({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  // The codes stay on the page until the person has put them away and the server knows her
  // with her factor: they are shown this once.
  const done = useMutation({
    mutationFn: async () => {
      await client.invalidateQueries({ queryKey: secondFactorQuery.queryKey });
      await reloadMe();
    },
    onSuccess: onDone,
  });
  return (
    <div className="space-y-4">
      <Notice kind="waiting" live>
        {t('factor.keep_codes')}
      </Notice>
      <ol className="grid gap-2 font-mono text-lg sm:grid-cols-2">
        {codes.map((code) => (
          <li key={code}>{code.match(/.{4}/g)?.join('-')}</li>
        ))}
      </ol>
      <div className="flex flex-wrap gap-3 print:hidden">
        <Button look="plain" onClick={() => window.print()}>
          {t('factor.print')}
        </Button>
        <Button disabled={done.isPending} onClick={() => done.mutate()}>
          {done.isPending ? t('factor.busy') : t('factor.kept')}
        </Button>
      </div>
      {done.error && <Failure error={done.error} />}
    </div>
  );
}

interface AskedProps {
  action: string;
  attempt: { error: unknown; isPending: boolean; mutate: () => void };
  ready: boolean;
  children: ReactNode;
}

/** A question with one answer to send. */
function Asked({ action, attempt, ready, children }: AskedProps) {
  const { t } = useTranslation();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!attempt.isPending) attempt.mutate();
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      {children}
      {attempt.error ? <Failure error={attempt.error} /> : null}
      <Button type="submit" disabled={!ready || attempt.isPending}>
        {attempt.isPending ? t('factor.busy') : action}
      </Button>
    </form>
  );
}

/** Where the six digits of the phone are typed. */
export function CodeField({ code, onChange }: { code: string; onChange: (code: string) => void }) {
  const { t } = useTranslation();
  return (
    <TextField
      label={t('factor.code')}
      hint={t('factor.code_hint')}
      name="one-time-code"
      autoComplete="one-time-code"
      inputMode="text"
      autoCapitalize="characters"
      maxLength={20}
      required
      value={code}
      onChange={(e) => onChange(e.target.value)}
    />
  );
}
