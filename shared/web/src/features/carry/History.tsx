import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { moment, number } from '../../i18n/format';
import { Card } from '../../ui/Card';
import { Loaded } from '../../ui/Loaded';

/** What was taken along, and what of it the cloud has signed for. */
export function History() {
  const { t, i18n } = useTranslation();
  const query = useQuery({
    queryKey: ['carried'],
    queryFn: async () => (await service.get('/carry', {})).items,
  });
  return (
    <Card className="space-y-4">
      <h2 className="text-lg">{t('carry.history_title')}</h2>
      <Loaded query={query} isEmpty={(all) => all.length === 0} empty={<p>{t('carry.history_empty')}</p>}>
        {(all) => (
          <ul className="space-y-3">
            {all.map((one) => (
              <li key={one.id} className="space-y-1 border-t border-edge pt-3">
                <p className="font-semibold">{moment(one.made_at, i18n.language)}</p>
                <p>
                  {t('carry.history_records', {
                    count: one.records,
                    shown: number(one.records, i18n.language),
                  })}
                </p>
                <p>
                  {one.arrived_at
                    ? t('carry.history_arrived', { time: moment(one.arrived_at, i18n.language) })
                    : t('carry.history_waits')}
                </p>
                {one.receipt && (
                  <details>
                    <summary className="inline-flex min-h-tap cursor-pointer items-center underline underline-offset-2">
                      {t('carry.history_receipt')}
                    </summary>
                    <pre className="overflow-x-auto whitespace-pre-wrap break-words text-sm">
                      {one.receipt}
                    </pre>
                  </details>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Card>
  );
}
