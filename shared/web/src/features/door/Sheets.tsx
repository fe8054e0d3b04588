import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { day } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { SelectField } from '../../ui/Field';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { PrintBar } from '../../ui/PrintBar';
import { instructorsQuery } from '../identity/queries';
import { useMe } from '../identity/session';
import { sheetsQuery } from './queries';

/** The head's sheets of recovery codes: who holds one, and a new one to print. */
export function Sheets() {
  const { t, i18n } = useTranslation();
  const school = useMe().school_id ?? '';
  const queries = useQueryClient();
  const sheets = useQuery(sheetsQuery(school));
  const teachers = useQuery(instructorsQuery(school));
  const [holder, setHolder] = useState('');
  const make = useMutation({
    mutationFn: () =>
      service.post('/schools/{id}/recovery-sheets', { path: { id: school }, body: { holder_id: holder } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['recovery-sheets', school] }),
  });

  if (make.data) {
    return (
      <Page title={t('sheets.of', { name: make.data.holder_name })}>
        <PrintBar once={t('sheets.once')} onDone={() => make.reset()} />
        <div className="space-y-3 border border-dashed border-[#777] bg-[#fff] p-5 text-[#111]">
          <p>{t('sheets.use', { address: window.location.host })}</p>
          <ol className="grid list-inside list-decimal gap-2 font-mono text-lg sm:grid-cols-2">
            {make.data.codes.map((code) => (
              <li key={code}>{code}</li>
            ))}
          </ol>
        </div>
      </Page>
    );
  }
  return (
    <Page title={t('sheets.title')} lead={t('sheets.lead')}>
      <Loaded
        query={sheets}
        isEmpty={(list) => list.length === 0}
        empty={<Empty title={t('sheets.none')}>{t('sheets.none_text')}</Empty>}
      >
        {(list) => (
          <ul className="divide-y divide-line rounded-card border border-line bg-surface px-4">
            {list.map((s) => (
              <li key={s.holder_id} className="py-3">
                <span className="block font-medium">{s.holder_name}</span>
                <span className="block text-sm text-muted">
                  {t('sheets.left', { count: s.left })} · {day(s.at, i18n.language)}
                </span>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <Card className="space-y-4">
        <h2 className="text-xl">{t('sheets.new')}</h2>
        <p className="text-muted">{t('sheets.new_text')}</p>
        <Loaded query={teachers} rows={1}>
          {(list) => (
            <SelectField
              label={t('sheets.holder')}
              value={holder}
              onChange={(e) => setHolder(e.target.value)}
            >
              <option value="">{t('payments.choose')}</option>
              {list.map((teacher) => (
                <option key={teacher.id} value={teacher.id}>
                  {teacher.full_name}
                </option>
              ))}
            </SelectField>
          )}
        </Loaded>
        {make.error && <Failure error={make.error} />}
        <Button disabled={holder === '' || make.isPending} onClick={() => make.mutate()}>
          {t('sheets.make')}
        </Button>
      </Card>
    </Page>
  );
}
