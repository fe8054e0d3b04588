import { useMutation } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { day } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Failure } from '../../ui/Loaded';
import { PrintBar } from '../../ui/PrintBar';

interface SlipsProps {
  school: string;
  learners: string[];
  kind: 'link' | 'transfer';
}

/** Slips with codes, to print and cut: for a parent to link her child, or for the next school. Shown once. */
export function Slips({ school, learners, kind }: SlipsProps) {
  const { t, i18n } = useTranslation();
  const make = useMutation({
    mutationFn: async () =>
      (
        await service.post('/schools/{id}/roster-codes', {
          path: { id: school },
          body: { kind, learners },
        })
      ).slips,
  });
  if (!make.data) {
    return (
      <div className="space-y-3">
        <p className="text-muted">{t(`slips.${kind}_text`)}</p>
        {make.error && <Failure error={make.error} />}
        <Button look="plain" disabled={make.isPending || learners.length === 0} onClick={() => make.mutate()}>
          {t(`slips.${kind}`, { count: learners.length })}
        </Button>
      </div>
    );
  }
  return (
    <section aria-label={t('slips.title')} className="space-y-3">
      <PrintBar once={t('slips.once')} onDone={() => make.reset()} />
      <ul className="grid bg-[#fff] text-[#111] sm:grid-cols-2 print:grid-cols-2">
        {make.data.map((slip) => (
          <li key={slip.code} className="break-inside-avoid space-y-1 border border-dashed border-[#777] p-4">
            <p className="text-lg font-bold">{slip.full_name}</p>
            <p>{slip.class_name}</p>
            <p className="select-all font-mono text-2xl font-bold">{slip.code}</p>
            <p className="text-sm">{t(`slips.${kind}_how`)}</p>
            <p className="text-sm">{t('slips.until', { date: day(slip.expires_at, i18n.language) })}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}
