import { useMutation } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { day } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';

/** A child who changes school: a code with which the next school takes her in, with all she did. */
export function NextSchool({ child, name }: { child: string; name: string }) {
  const { t, i18n } = useTranslation();
  const make = useMutation({
    mutationFn: () => service.post('/parent/children/{child}/transfer-code', { path: { child } }),
  });
  return (
    <Card className="space-y-3">
      <h2 className="text-lg">{t('family.next_school')}</h2>
      <p className="text-muted">{t('family.next_school_text', { name })}</p>
      {make.error && <Failure error={make.error} />}
      {make.data ? (
        <Notice kind="good" live>
          <p className="select-all break-all font-mono text-2xl font-bold tracking-wider">{make.data.code}</p>
          <p>{t('slips.until', { date: day(make.data.expires_at, i18n.language) })}</p>
        </Notice>
      ) : (
        <Button look="plain" disabled={make.isPending} onClick={() => make.mutate()}>
          {t('family.make_code')}
        </Button>
      )}
    </Card>
  );
}
