import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { LineUse } from '../../api/types';
import { money, number } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Check, TextField } from '../../ui/Field';
import { Failure, Loaded } from '../../ui/Loaded';
import { lineQuery } from './queries';

/** How the school's line may be used, and what its box used of it. */
export function Line({ school }: { school: string }) {
  const { t } = useTranslation();
  const query = useQuery(lineQuery(school));
  return (
    <Card className="space-y-3">
      <h2 className="text-xl">{t('line.title')}</h2>
      <p className="text-muted">{t('line.lead')}</p>
      <Loaded query={query}>
        {(line) => (
          <>
            <Used line={line} />
            <Plan school={school} line={line} />
          </>
        )}
      </Loaded>
    </Card>
  );
}

const MEGABYTE = 1_000_000;

function Used({ line }: { line: LineUse }) {
  const { t, i18n } = useTranslation();
  const megabytes = (bytes: number) => number(bytes / MEGABYTE, i18n.language, 1);
  return (
    <p>
      {t('line.used', { today: megabytes(line.today_bytes), month: megabytes(line.month_bytes) })}
      {line.shillings_per_mb > 0 &&
        ` ${t('line.cost', { amount: money(line.month_shillings, 'KES', i18n.language) })}`}
    </p>
  );
}

/** Minutes after midnight as a time field has them, and back. */
const clock = (minutes: number) =>
  `${String(Math.floor((minutes % 1440) / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
const minutes = (time: string) => {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return hour * 60 + minute;
};

function Plan({ school, line }: { school: string; line: LineUse }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  // The form has the first window; others, set otherwise, stay.
  const [first, ...rest] = line.windows;
  const [plan, change] = useState({
    metered: line.metered,
    day: String(line.day_mb),
    month: String(line.month_mb),
    price: String(line.shillings_per_mb),
    from: first ? clock(first.from) : '',
    to: first ? clock(first.to) : '',
  });
  const save = useMutation({
    mutationFn: () =>
      service.put('/schools/{id}/line', {
        path: { id: school },
        body: {
          metered: plan.metered,
          every_minutes: line.every_minutes,
          day_mb: Number(plan.day),
          month_mb: Number(plan.month),
          shillings_per_mb: Number(plan.price),
          windows:
            plan.from && plan.to
              ? [{ from: minutes(plan.from), to: minutes(plan.to), days: first?.days ?? 0 }, ...rest]
              : rest,
        },
      }),
    onSuccess: (saved) => queries.setQueryData(lineQuery(school).queryKey, saved),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const field = (name: 'day' | 'month' | 'price' | 'from' | 'to') => ({
    label: t(`line.${name}`),
    value: plan[name],
    onChange: (e: { target: { value: string } }) => change({ ...plan, [name]: e.target.value }),
  });
  return (
    <form className="space-y-3" onSubmit={submit}>
      <Check
        label={t('line.metered')}
        hint={t('line.metered_hint')}
        checked={plan.metered}
        onChange={(metered) => change({ ...plan, metered })}
      />
      <div className="grid gap-3 sm:grid-cols-3">
        <TextField type="number" min={0} step={1} required {...field('day')} />
        <TextField type="number" min={0} step={1} required {...field('month')} />
        <TextField type="number" min={0} step="any" required {...field('price')} />
      </div>
      <p className="text-sm text-muted">{t('line.hours')}</p>
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField type="time" {...field('from')} />
        <TextField type="time" {...field('to')} />
      </div>
      {save.error && <Failure error={save.error} />}
      {save.isSuccess && <p role="status">{t('line.saved')}</p>}
      <Button type="submit" disabled={save.isPending}>
        {t('line.save')}
      </Button>
    </form>
  );
}
