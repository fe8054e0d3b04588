import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Button, ButtonLink } from '../../ui/Button';
import { Page } from '../../ui/Card';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { reloadMe, useSession } from '../identity/session';
import { tokenInAddress } from './address';

/** Where the link of a verification mail leads. A tap confirms, so that a mail scanner does not. */
export function VerifyEmail() {
  const { t } = useTranslation();
  const [token] = useState(tokenInAddress);
  const verify = useMutation({
    mutationFn: () => service.post('/auth/verify-email', { body: { token }, anonymous: true }),
    onSuccess: () => {
      if (signedIn) reload.mutate();
    },
  });
  const signedIn = useSession((s) => s.me !== null);
  const reload = useMutation({ mutationFn: reloadMe });
  return (
    <div className="mx-auto max-w-md">
      <Page title={t('verify.title')} lead={verify.isSuccess ? undefined : t('verify.lead')}>
        {verify.isSuccess ? (
          <>
            <Notice kind="good" live>
              {t('verify.done')}
            </Notice>
            {reload.error && (
              <Failure error={reload.error} busy={reload.isPending} onRetry={() => reload.mutate()} />
            )}
            <ButtonLink to="/">{t('not_found.home')}</ButtonLink>
          </>
        ) : (
          <>
            {verify.error && <Failure error={verify.error} />}
            {!token && <Notice kind="bad">{t('link.incomplete')}</Notice>}
            <Button wide disabled={!token || verify.isPending} onClick={() => verify.mutate()}>
              {verify.isPending ? t('action.busy') : t('verify.submit')}
            </Button>
          </>
        )}
      </Page>
    </div>
  );
}
