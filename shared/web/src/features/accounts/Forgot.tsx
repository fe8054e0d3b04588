import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Back } from '../../ui/Back';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { isEmail, named } from './address';
import { NewPassword } from './NewPassword';

/** Asks for a new password. The answer is the same whether or not we know the address. */
export function Forgot() {
  const { t, i18n } = useTranslation();
  const [address, setAddress] = useState('');
  const ask = useMutation({
    mutationFn: () =>
      service.post('/auth/forgot-password', {
        body: { ...named(address), language: i18n.language },
        anonymous: true,
      }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!ask.isPending) ask.mutate();
  };
  return (
    <div className="mx-auto max-w-md">
      <Page
        title={t('forgot.title')}
        lead={t('forgot.lead')}
        above={<Back to="/sign-in">{t('forgot.back')}</Back>}
      >
        <Card>
          <form onSubmit={submit} className="space-y-4">
            <TextField
              label={t('signin.email_or_phone')}
              autoComplete="username"
              autoCapitalize="none"
              required
              value={address}
              onChange={(e) => {
                setAddress(e.target.value);
                ask.reset();
              }}
            />
            {ask.error && <Failure error={ask.error} />}
            {ask.isSuccess && (
              <Notice kind="good" live>
                {isEmail(address) ? t('forgot.mailed') : t('forgot.texted')}
              </Notice>
            )}
            <Button type="submit" wide disabled={ask.isPending || ask.isSuccess}>
              {ask.isPending ? t('action.busy') : t('forgot.submit')}
            </Button>
          </form>
        </Card>
        {ask.isSuccess && !isEmail(address) && <NewPassword phone={address.trim()} />}
      </Page>
    </div>
  );
}
