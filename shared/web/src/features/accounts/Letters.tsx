import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Button } from '../../ui/Button';
import { SelectField, TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { reloadMe, useMe } from '../identity/session';
import { Proof, useProof } from './Proof';

/** Another address counts once the link that is mailed there was opened. */
export function Email() {
  const { t } = useTranslation();
  const [email, setEmail] = useState('');
  const proof = useProof();
  const save = useMutation({
    mutationFn: () => service.put('/users/me/email', { body: { email: email.trim(), ...proof.body } }),
    onSuccess: () => {
      setEmail('');
      proof.clear();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };
  return (
    <form onSubmit={submit} className="space-y-4 border-t border-line pt-5">
      <TextField
        label={t('details.new_email')}
        hint={t('details.email_text')}
        type="email"
        autoComplete="email"
        required
        maxLength={254}
        value={email}
        onChange={(e) => {
          setEmail(e.target.value);
          save.reset();
        }}
      />
      {email !== '' && <Proof proof={proof} error={save.error} />}
      {save.error && <Failure error={save.error} />}
      {save.isSuccess && (
        <Notice kind="good" live>
          {t('details.email_sent')}
        </Notice>
      )}
      <Button type="submit" look="plain" disabled={save.isPending}>
        {save.isPending ? t('action.busy') : t('details.save_email')}
      </Button>
    </form>
  );
}

/** The language in which letters and text messages come to her. */
export function LetterLanguage() {
  const { t } = useTranslation();
  const stored = useMe().language;
  const save = useMutation({
    mutationFn: async (language: string) => {
      await service.put('/users/me', { body: { language } });
      await reloadMe();
    },
  });
  return (
    <div className="space-y-4 border-t border-line pt-5">
      <SelectField
        label={t('details.language')}
        hint={t('details.language_text')}
        value={save.isPending ? save.variables : stored}
        disabled={save.isPending}
        onChange={(e) => save.mutate(e.target.value)}
      >
        <option value="en" lang="en">
          English
        </option>
        <option value="sw" lang="sw">
          Kiswahili
        </option>
      </SelectField>
      {save.error && <Failure error={save.error} />}
      {save.isSuccess && (
        <Notice kind="good" live>
          {t('details.language_saved')}
        </Notice>
      )}
    </div>
  );
}
