import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { ManagedUser } from '../../api/types';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { useChange } from './change';

const CLOSED = ['deactivated', 'deleted'];

/** Whether a person can sign in, and with what: each step says what happens and asks once more. */
export function Standing({ user }: { user: ManagedUser }) {
  const { t } = useTranslation();
  // What was done stays to be read when its button has gone.
  const [done, setDone] = useState('');
  const path = { id: user.id };
  const status = (next: string) => () =>
    service.put('/admin/users/{id}/status', { path, body: { status: next } });
  const closed = CLOSED.includes(user.status);
  return (
    <Card className="space-y-3">
      <h2 className="text-lg">{t('people.stand')}</h2>
      {done && (
        <Notice kind="good" live>
          {t('people.happened', { what: done })}
        </Notice>
      )}
      {user.status === 'active' && (
        <Step user={user.id} onDone={setDone} name="suspend" send={status('suspended')} />
      )}
      {user.status === 'suspended' && (
        <Step user={user.id} onDone={setDone} name="reactivate" send={status('active')} />
      )}
      {!closed && (
        <Step
          user={user.id}
          onDone={setDone}
          name="factor_reset"
          send={() => service.delete('/admin/users/{id}/second-factor', { path })}
        />
      )}
      {user.status !== 'deleted' && (
        <Step
          user={user.id}
          onDone={setDone}
          name="delete"
          reasoned
          send={(reason) => service.delete('/admin/users/{id}', { path, body: { reason } })}
        />
      )}
      {closed && (
        <Step
          user={user.id}
          onDone={setDone}
          name="restore"
          send={() => service.post('/admin/users/{id}/restore', { path })}
        />
      )}
    </Card>
  );
}

interface StepProps {
  user: string;
  /** The words: people.NAME on the button, people.NAME_text for what happens. */
  name: 'suspend' | 'reactivate' | 'factor_reset' | 'delete' | 'restore';
  reasoned?: boolean;
  send: (reason: string) => Promise<unknown>;
  onDone: (what: string) => void;
}

function Step({ user, name, reasoned, send, onDone }: StepProps) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState(false);
  const [reason, setReason] = useState('');
  const change = useChange(user, send);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (change.isPending) return;
    change.mutate(reason.trim(), {
      onSuccess: () => {
        setAsked(false);
        setReason('');
        onDone(t(`people.${name}`));
      },
    });
  };
  if (!asked) {
    return (
      <Button
        look="plain"
        onClick={() => {
          change.reset();
          onDone('');
          setAsked(true);
        }}
      >
        {t(`people.${name}`)}
      </Button>
    );
  }
  return (
    <form
      onSubmit={submit}
      className="space-y-3 rounded-xl border border-edge p-3"
      aria-label={t(`people.${name}`)}
    >
      <h3 className="font-semibold">{t(`people.${name}`)}</h3>
      <p>{t(`people.${name}_text`)}</p>
      {reasoned && (
        <TextField
          label={t('people.reason')}
          required
          maxLength={500}
          value={reason}
          onChange={(e) => setReason(e.target.value)}
        />
      )}
      {change.error && <Failure error={change.error} />}
      <div className="flex flex-wrap gap-2">
        <Button type="submit" disabled={change.isPending}>
          {t('people.sure')}
        </Button>
        <Button look="plain" disabled={change.isPending} onClick={() => setAsked(false)}>
          {t('action.cancel')}
        </Button>
      </div>
    </form>
  );
}
