import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { reloadMe, useMe } from '../identity/session';
import { CodeField } from './CodeField';
import { Email, LetterLanguage } from './Letters';
import { Proof, useProof } from './Proof';

/** The name, and the addresses a person signs in with and is written to. A school's learner has the name that the school wrote. */
export function MyDetails() {
  const { t } = useTranslation();
  const me = useMe();
  if (me.role === 'student' && me.school_id) return null;
  return (
    <Card className="space-y-6">
      <h2 className="text-lg">{t('details.title')}</h2>
      <Name />
      <Phone />
      <Email />
      <LetterLanguage />
    </Card>
  );
}

function Name() {
  const { t } = useTranslation();
  const stored = useMe().profile_data.full_name;
  const [name, setName] = useState(stored);
  const save = useMutation({
    mutationFn: async () => {
      await service.put('/users/me', { body: { full_name: name.trim() } });
      await reloadMe();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      <TextField
        label={t('me.name')}
        autoComplete="name"
        required
        maxLength={120}
        value={name}
        onChange={(e) => {
          setName(e.target.value);
          save.reset();
        }}
      />
      {save.error && <Failure error={save.error} />}
      {save.isSuccess && (
        <Notice kind="good" live>
          {t('details.name_saved')}
        </Notice>
      )}
      <Button type="submit" look="plain" disabled={save.isPending || name.trim() === stored}>
        {t('details.save_name')}
      </Button>
    </form>
  );
}

/** First the new number proves itself with a code, then the password (and the second factor) who asks. */
function Phone() {
  const { t, i18n } = useTranslation();
  const [phone, setPhone] = useState('');
  const [code, setCode] = useState('');
  const proof = useProof();
  const send = useMutation({
    mutationFn: () =>
      service.post('/auth/phone-codes', {
        body: { phone_number: phone.trim(), purpose: 'change_phone', language: i18n.language },
        anonymous: true,
      }),
  });
  const save = useMutation({
    mutationFn: async () => {
      await service.put('/users/me/phone', {
        body: {
          phone_number: phone.trim(),
          code,
          ...proof.body,
        },
      });
      await reloadMe();
    },
    onSuccess: () => {
      send.reset();
      setPhone('');
      setCode('');
      proof.clear();
    },
  });
  const busy = send.isPending || save.isPending;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (send.isSuccess) save.mutate();
    else send.mutate();
  };
  const error = save.error ?? send.error;
  return (
    <form onSubmit={submit} className="space-y-4 border-t border-line pt-5">
      <TextField
        label={t('details.new_phone')}
        hint={t('details.phone_text')}
        type="tel"
        autoComplete="tel"
        required
        maxLength={20}
        value={phone}
        onChange={(e) => {
          setPhone(e.target.value);
          send.reset();
          save.reset();
        }}
      />
      {send.isSuccess && (
        <>
          <Notice kind="good" live>
            {t('code.sent')}
          </Notice>
          <CodeField value={code} onChange={setCode} />
          <Proof proof={proof} error={save.error} />
        </>
      )}
      {error && <Failure error={error} />}
      {save.isSuccess && (
        <Notice kind="good" live>
          {t('details.phone_saved')}
        </Notice>
      )}
      <div className="flex flex-wrap gap-3">
        <Button type="submit" look="plain" disabled={busy}>
          {busy ? t('action.busy') : t(send.isSuccess ? 'details.save_phone' : 'code.send')}
        </Button>
        {send.isSuccess && (
          <Button look="quiet" disabled={busy} onClick={() => send.mutate()}>
            {t('code.again')}
          </Button>
        )}
      </div>
    </form>
  );
}
