import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ButtonLink } from '../../ui/Button';
import { Page } from '../../ui/Card';
import { Notice } from '../../ui/Notice';
import { tokenInAddress } from './address';
import { NewPassword } from './NewPassword';

/** Where the link of a "set your password" mail leads. */
export function ResetPassword() {
  const { t } = useTranslation();
  const [token] = useState(tokenInAddress);
  return (
    <div className="mx-auto max-w-md">
      <Page title={t('reset.title')} lead={token ? t('reset.lead') : undefined}>
        {token ? (
          <NewPassword token={token} />
        ) : (
          <>
            <Notice kind="bad">{t('link.incomplete')}</Notice>
            <ButtonLink to="/forgot">{t('forgot.title')}</ButtonLink>
          </>
        )}
      </Page>
    </div>
  );
}
