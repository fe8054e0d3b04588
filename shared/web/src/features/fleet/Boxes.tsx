import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Replace } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { HeldBox, Replacement, School } from '../../api/types';
import { moment, number } from '../../i18n/format';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { Claim } from './Claim';
import { boxesQuery } from './queries';

/** Every box a school has or had: what becomes of one that lost its place, and the spare for a dead one. */
export function Boxes({ school }: { school: School }) {
  const { t, i18n } = useTranslation();
  const query = useQuery(boxesQuery(school.id));
  return (
    <Card className="space-y-4">
      <h2 className="text-xl">{t('boxes.title')}</h2>
      <Loaded
        query={query}
        isEmpty={(all) => all.boxes.length === 0}
        empty={<Empty title={t('boxes.none')}>{t('boxes.none_text')}</Empty>}
      >
        {(all) => (
          <>
            {all.held.map((box) => (
              <Held key={box.id} school={school.id} box={box} />
            ))}
            <ul className="divide-y divide-line">
              {all.boxes.map((box) => (
                <li
                  key={box.appliance_id}
                  className="flex flex-wrap items-center justify-between gap-2 py-2.5"
                >
                  <span className="min-w-0">
                    <span className="block break-all font-mono text-sm">{box.appliance_id}</span>
                    <span className="text-sm text-muted">
                      {box.claimed_at && t('boxes.claimed', { time: moment(box.claimed_at, i18n.language) })}
                    </span>
                  </span>
                  <Badge tone={box.status === 'active' ? 'good' : 'plain'}>
                    {t(`boxes.status.${box.status}`)}
                  </Badge>
                </li>
              ))}
            </ul>
            {all.replacements.map((change) => (
              <Left key={change.id} change={change} />
            ))}
            {all.boxes.some((box) => box.status === 'active') && <Spare school={school} />}
          </>
        )}
      </Loaded>
    </Card>
  );
}

/** A box that asked for the school's place: an admin says what becomes of it. */
function Held({ school, box }: { school: string; box: HeldBox }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const decide = useMutation({
    mutationFn: (action: 'take_in' | 'activate') =>
      service.post('/schools/{id}/held-boxes/{held}', {
        path: { id: school, held: box.id },
        body: { action },
      }),
    onSuccess: (all) => client.setQueryData(boxesQuery(school).queryKey, all),
  });
  const open = box.state === 'waiting' || box.state === 'take_in' || box.state === 'activate';
  const shown = (n: number) => number(n, i18n.language);
  return (
    <Notice kind={box.state === 'retired' || box.state === 'activated' ? 'good' : 'waiting'}>
      <p className="font-semibold">{t(`boxes.held.${box.kind}`)}</p>
      <p>
        {t(`boxes.state.${box.state}`, { delivered: shown(box.delivered), told: shown(box.told) })}{' '}
        {open && t('boxes.held_work', { count: box.waiting, shown: shown(box.waiting) })}
      </p>
      {box.last_asked_at && (
        <p className="text-sm">{t('boxes.last_asked', { time: moment(box.last_asked_at, i18n.language) })}</p>
      )}
      {open && (
        <div className="flex flex-wrap gap-2">
          <Button
            look="plain"
            disabled={decide.isPending || box.state === 'take_in'}
            onClick={() => decide.mutate('take_in')}
          >
            {t('boxes.take_in')}
          </Button>
          <Button
            look="plain"
            disabled={decide.isPending || box.state === 'activate'}
            onClick={() => decide.mutate('activate')}
          >
            {t('boxes.activate')}
          </Button>
        </div>
      )}
      {decide.error && <Failure error={decide.error} />}
    </Notice>
  );
}

/** What was only on the box that was replaced; later arrivals shorten the list. */
function Left({ change }: { change: Replacement }) {
  const { t, i18n } = useTranslation();
  if (!change.claimed_at) {
    return <Notice kind="waiting">{t('boxes.ordered', { reason: change.reason })}</Notice>;
  }
  const time = (iso: string) => moment(iso, i18n.language);
  return (
    <section className="space-y-1">
      <h3 className="font-semibold">{t('boxes.left', { time: time(change.claimed_at) })}</h3>
      {change.reason && <p className="text-sm text-muted">{change.reason}</p>}
      {change.missing.length === 0 ? (
        <p>{change.heard_at ? t('boxes.left_nothing') : t('boxes.left_unknown')}</p>
      ) : (
        <ul className="list-disc pl-5">
          {change.missing.map((part) => (
            <li key={part.lane}>
              {t(`boxes.what.${part.what}`, { count: part.count, shown: number(part.count, i18n.language) })}
              {part.since && ` ${t('boxes.since', { time: time(part.since) })}`}
            </li>
          ))}
        </ul>
      )}
      {change.heard_at && (
        <p className="text-sm text-muted">{t('boxes.heard', { time: time(change.heard_at) })}</p>
      )}
    </section>
  );
}

/** One action: the code with which a spare takes the dead box's place. */
function Spare({ school }: { school: School }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [reason, setReason] = useState('');
  const replace = useMutation({
    mutationFn: () =>
      service.post('/schools/{id}/replacement', { path: { id: school.id }, body: { reason: reason.trim() } }),
    onSuccess: () => client.invalidateQueries({ queryKey: boxesQuery(school.id).queryKey }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!replace.isPending) replace.mutate();
  };
  if (replace.data) return <Claim school={school.name} claim={replace.data} />;
  return (
    <details>
      <summary className="inline-flex min-h-tap cursor-pointer items-center font-semibold text-brand">
        {t('boxes.replace')}
      </summary>
      <form onSubmit={submit} className="space-y-3 pt-2">
        <p className="text-muted">{t('boxes.replace_text')}</p>
        <TextField
          label={t('boxes.reason')}
          required
          minLength={2}
          maxLength={300}
          value={reason}
          onChange={(e) => setReason(e.target.value)}
        />
        {replace.error && <Failure error={replace.error} />}
        <Button type="submit" look="plain" disabled={replace.isPending}>
          <Replace aria-hidden="true" className="size-5" />
          {t('boxes.replace_button')}
        </Button>
      </form>
    </details>
  );
}
