import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';

/** The first page of a new box: the one-time code makes it a school's. */
export function ClaimBox() {
  const { t } = useTranslation();
  const [code, setCode] = useState('');
  const [cloud, setCloud] = useState('');
  const claim = useMutation({
    mutationFn: () =>
      service.post('/claim', {
        body: { code: code.trim().toUpperCase(), ...(cloud.trim() && { cloud_url: cloud.trim() }) },
        anonymous: true,
        timeoutMs: 60_000,
      }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!claim.isPending) claim.mutate();
  };

  return (
    <div className="mx-auto max-w-md">
      <Page title={t('claim.box_title')} lead={t('claim.box_lead')}>
        {claim.data ? (
          <Notice kind="good" live>
            {t('claim.box_done', { school: claim.data.school_name })}
          </Notice>
        ) : (
          <Card>
            <form onSubmit={submit} className="space-y-4">
              <TextField
                label={t('claim.box_code')}
                required
                minLength={8}
                maxLength={40}
                autoComplete="off"
                autoCapitalize="characters"
                spellCheck={false}
                value={code}
                onChange={(e) => setCode(e.target.value)}
              />
              <TextField
                label={t('claim.box_cloud')}
                hint={t('claim.box_cloud_hint')}
                type="url"
                maxLength={200}
                autoComplete="off"
                autoCapitalize="none"
                spellCheck={false}
                placeholder="https://"
                value={cloud}
                onChange={(e) => setCloud(e.target.value)}
              />
              {claim.error && <Failure error={claim.error} />}
              <Button type="submit" wide disabled={claim.isPending}>
                {claim.isPending ? t('claim.box_busy') : t('claim.box_button')}
              </Button>
            </form>
          </Card>
        )}
      </Page>
    </div>
  );
}
