import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Button, ButtonLink } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { CodeField } from './CodeField';
import { PasswordField } from './PasswordField';

/** A new password, proven by the token of a link or by the code that went to a phone. */
export function NewPassword({ token, phone }: { token?: string; phone?: string }) {
  const { t } = useTranslation();
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const reset = useMutation({
    mutationFn: () =>
      service.post('/auth/reset-password', {
        body: { ...(phone ? { phone_number: phone, code } : { token }), new_password: password },
        anonymous: true,
      }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!reset.isPending) reset.mutate();
  };
  if (reset.isSuccess) {
    return (
      <>
        <Notice kind="good" live>
          {t('reset.done')}
        </Notice>
        <ButtonLink to="/sign-in">{t('signin.submit')}</ButtonLink>
      </>
    );
  }
  return (
    <Card>
      <form onSubmit={submit} className="space-y-4">
        {phone && <CodeField value={code} onChange={setCode} />}
        <PasswordField label={t('reset.new')} value={password} onChange={setPassword} chosen />
        {reset.error && <Failure error={reset.error} />}
        <Button type="submit" wide disabled={reset.isPending}>
          {reset.isPending ? t('action.busy') : t('reset.submit')}
        </Button>
      </form>
    </Card>
  );
}
