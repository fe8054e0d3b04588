import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { signOut, useMe } from '../identity/session';
import { MyDetails } from './MyDetails';
import { PasswordField } from './PasswordField';
import { Picture } from './Picture';

/** What a person changes of her own account, at the cloud. */
export function MyAccount() {
  const me = useMe();
  return (
    <>
      <Unverified />
      <MyDetails />
      <Picture />
      <ChangePassword />
      {!(me.role === 'student' && me.school_id) && <Close />}
    </>
  );
}

/** An address that is not confirmed yet, with another link. */
function Unverified() {
  const { t } = useTranslation();
  const me = useMe();
  const again = useMutation({ mutationFn: () => service.post('/auth/resend-verification') });
  if (me.is_verified || !me.email) return null;
  return (
    <Notice kind="waiting">
      <p>{t('verify.missing')}</p>
      {again.error && <Failure error={again.error} />}
      {again.isSuccess ? (
        <p role="status">{t('verify.sent')}</p>
      ) : (
        <Button look="plain" disabled={again.isPending} onClick={() => again.mutate()}>
          {t('verify.again')}
        </Button>
      )}
    </Notice>
  );
}

function ChangePassword() {
  const { t } = useTranslation();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useMutation({
    mutationFn: () =>
      service.put('/users/me/password', { body: { current_password: current, new_password: next } }),
    onSuccess: () => {
      setCurrent('');
      setNext('');
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!change.isPending) change.mutate();
  };
  return (
    <Card>
      <h2 className="mb-4 text-lg">{t('password.change')}</h2>
      <form onSubmit={submit} className="space-y-4">
        <PasswordField label={t('password.current')} value={current} onChange={setCurrent} />
        <PasswordField label={t('reset.new')} value={next} onChange={setNext} chosen />
        {change.error && <Failure error={change.error} />}
        {change.isSuccess && (
          <Notice kind="good" live>
            {t('password.changed')}
          </Notice>
        )}
        <Button type="submit" disabled={change.isPending}>
          {change.isPending ? t('action.busy') : t('password.change')}
        </Button>
      </form>
    </Card>
  );
}

/** Closing asks twice: the button opens the question, the password answers it. */
function Close() {
  const { t } = useTranslation();
  const [asked, setAsked] = useState(false);
  const [password, setPassword] = useState('');
  const close = useMutation({
    mutationFn: () => service.post('/users/me/deactivate', { body: { current_password: password } }),
    onSuccess: () => void signOut(),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!close.isPending) close.mutate();
  };
  return (
    <Card>
      <h2 className="mb-2 text-lg">{t('close.title')}</h2>
      <p className="mb-4 text-muted">{t('close.text')}</p>
      {asked ? (
        <form onSubmit={submit} className="space-y-4">
          <PasswordField label={t('password.current')} value={password} onChange={setPassword} />
          {close.error && <Failure error={close.error} />}
          <div className="flex flex-wrap gap-3">
            <Button type="submit" disabled={close.isPending}>
              {close.isPending ? t('action.busy') : t('close.submit')}
            </Button>
            <Button look="plain" onClick={() => setAsked(false)}>
              {t('action.cancel')}
            </Button>
          </div>
        </form>
      ) : (
        <Button look="plain" onClick={() => setAsked(true)}>
          {t('close.submit')}
        </Button>
      )}
    </Card>
  );
}
