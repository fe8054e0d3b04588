import { useMutation } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { client } from '../../api';
import { Button } from '../../ui/Button';
import { keep } from '../../ui/keep';
import { Failure } from '../../ui/Loaded';

/** The list of the school, or of one class, as a file for a spreadsheet. That it was taken is noted. */
export function Csv({ school, className }: { school: string; className: string }) {
  const { t } = useTranslation();
  const load = useMutation({
    mutationFn: async () => {
      const query = className && `?${new URLSearchParams({ class: className })}`;
      const file = await client.download(`/schools/${encodeURIComponent(school)}/roster-export${query}`);
      keep(file, `${[t('roster.file'), className].filter(Boolean).join(' ').replaceAll('/', '-')}.csv`);
    },
  });
  return (
    <div className="space-y-2">
      <Button look="plain" disabled={load.isPending} onClick={() => load.mutate()}>
        <Download aria-hidden="true" className="size-5" />
        {load.isPending ? t('action.busy') : t('roster.csv')}
      </Button>
      <p className="text-sm text-muted">{t('roster.csv_hint')}</p>
      {load.error && <Failure error={load.error} />}
    </div>
  );
}
