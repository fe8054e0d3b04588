import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Back } from '../../ui/Back';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { SelectField, TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { signIn } from '../identity/session';
import { isEmail, named } from './address';
import { CodeField } from './CodeField';
import { PasswordField } from './PasswordField';

const ROLES = ['parent', 'student', 'instructor', 'partner'] as const;

/** Opens an account: by e-mail at once, by phone once the code of a text message came back. */
export function Register() {
  const { t, i18n } = useTranslation();
  const [role, setRole] = useState<string>('parent');
  const [name, setName] = useState('');
  const [address, setAddress] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const byPhone = address.trim() !== '' && !isEmail(address);

  const send = useMutation({
    mutationFn: () =>
      service.post('/auth/phone-codes', {
        body: { phone_number: address.trim(), purpose: 'register', language: i18n.language },
        anonymous: true,
      }),
  });
  const open = useMutation({
    mutationFn: async () => {
      await service.post('/auth/register', {
        body: {
          ...named(address),
          ...(byPhone && { code }),
          password,
          role,
          language: i18n.language,
          profile_data: { full_name: name.trim() },
        },
        anonymous: true,
      });
      await signIn({ email: address.trim(), password });
    },
  });
  const busy = send.isPending || open.isPending;
  const waitsForCode = byPhone && send.isSuccess;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (byPhone && !send.isSuccess) send.mutate();
    else open.mutate();
  };

  return (
    <div className="mx-auto max-w-md">
      <Page
        title={t('register.title')}
        lead={t('register.lead')}
        above={<Back to="/sign-in">{t('register.have_one')}</Back>}
      >
        <Card>
          <form onSubmit={submit} className="space-y-4">
            <SelectField label={t('register.role')} value={role} onChange={(e) => setRole(e.target.value)}>
              {ROLES.map((r) => (
                <option key={r} value={r}>
                  {t(`role.${r}`)}
                </option>
              ))}
            </SelectField>
            {(role === 'instructor' || role === 'partner') && <Notice>{t('register.approval')}</Notice>}
            <TextField
              label={t('register.name')}
              autoComplete="name"
              required
              maxLength={120}
              value={name}
              onChange={(e) => setName(e.target.value)}
            />
            <TextField
              label={t('signin.email_or_phone')}
              hint={t('register.address_hint')}
              autoComplete="username"
              autoCapitalize="none"
              required
              value={address}
              onChange={(e) => {
                setAddress(e.target.value);
                send.reset();
                setCode('');
              }}
            />
            <PasswordField label={t('signin.password')} value={password} onChange={setPassword} chosen />
            {waitsForCode && (
              <>
                <Notice kind="good" live>
                  {t('code.sent')}
                </Notice>
                <CodeField value={code} onChange={setCode} />
              </>
            )}
            {(open.error ?? send.error) && <Failure error={open.error ?? send.error} />}
            <Button type="submit" wide disabled={busy}>
              {busy ? t('action.busy') : byPhone && !send.isSuccess ? t('code.send') : t('register.submit')}
            </Button>
            {waitsForCode && (
              <Button look="quiet" wide disabled={busy} onClick={() => send.mutate()}>
                {t('code.again')}
              </Button>
            )}
          </form>
        </Card>
      </Page>
    </div>
  );
}
