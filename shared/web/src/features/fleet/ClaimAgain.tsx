import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';

/** A school's box that the office no longer knows, or has replaced: a new code, and all its work stays. */
export function ClaimAgain() {
  const { t } = useTranslation();
  const [code, setCode] = useState('');
  const claim = useMutation({
    mutationFn: () =>
      service.post('/claim/again', { body: { code: code.trim().toUpperCase() }, timeoutMs: 60_000 }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!claim.isPending) claim.mutate();
  };
  return (
    <div className="mx-auto max-w-md">
      <Page title={t('again.title')} lead={t('again.lead')}>
        {claim.data ? (
          <Notice kind="good" live>
            {t('again.done', { school: claim.data.school_name })}
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
              {claim.error && <Failure error={claim.error} />}
              <Button type="submit" wide disabled={claim.isPending}>
                {claim.isPending ? t('claim.box_busy') : t('again.button')}
              </Button>
            </form>
          </Card>
        )}
      </Page>
    </div>
  );
}
