import { useMutation } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { day } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';

/** At the cloud: the code with which a teacher sets her password at the school's box. */
export function SchoolCode() {
  const { t, i18n } = useTranslation();
  const issue = useMutation({ mutationFn: () => service.post('/auth/school-code') });
  return (
    <Card className="space-y-3">
      <h2 className="text-lg">{t('code.title')}</h2>
      <p className="text-muted">{t('code.lead')}</p>
      {issue.error && <Failure error={issue.error} />}
      {issue.data && (
        <Notice kind="good" live>
          <p className="select-all break-all font-mono text-2xl font-bold tracking-wider">
            {issue.data.code}
          </p>
          <p>{t('code.until', { date: day(issue.data.until, i18n.language) })}</p>
        </Notice>
      )}
      <Button look="plain" disabled={issue.isPending} onClick={() => issue.mutate()}>
        {t(issue.data ? 'code.another' : 'code.make')}
      </Button>
    </Card>
  );
}
