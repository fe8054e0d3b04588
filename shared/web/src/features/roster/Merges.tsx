import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Undo2 } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { RosterLine, RosterMerge } from '../../api/types';
import { day } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { usePlace } from './place';
import { mergesQuery, reread } from './queries';

/** Learners who may be one child, side by side; and the merges that stand, each of which can be taken back. */
export function Merges() {
  const { t } = useTranslation();
  const { school, base } = usePlace();
  const query = useQuery(mergesQuery(school));
  const queries = useQueryClient();
  const merge = useMutation({
    mutationFn: (who: { learner_id: string; duplicate_id: string }) =>
      service.post('/schools/{id}/roster-merges', { path: { id: school }, body: who }),
    onSuccess: () => reread(queries),
  });
  const undo = useMutation({
    mutationFn: (id: string) =>
      service.post('/schools/{id}/roster-merges/{merge}/undo', { path: { id: school, merge: id } }),
    onSuccess: () => reread(queries),
  });
  const busy = merge.isPending || undo.isPending;
  return (
    <Page title={t('merge.title')} lead={t('merge.lead')} above={<Back to={base}>{t('roster.title')}</Back>}>
      {merge.error && <Failure error={merge.error} />}
      {undo.error && <Failure error={undo.error} />}
      <Loaded query={query}>
        {({ maybe, merges }) => (
          <>
            {maybe.length === 0 && <Empty title={t('merge.none')} />}
            {(maybe as unknown as [RosterLine, RosterLine][]).map(([a, b]) => (
              <Card key={`${a.id} ${b.id}`} className="grid gap-4 sm:grid-cols-2">
                {[
                  [a, b],
                  [b, a],
                ].map(([one, other]) =>
                  one && other ? (
                    <div key={one.id} className="space-y-2">
                      <Facts line={one} />
                      <Button
                        look="plain"
                        wide
                        disabled={busy}
                        onClick={() => merge.mutate({ learner_id: one.id, duplicate_id: other.id })}
                      >
                        {t('merge.keep')}
                      </Button>
                    </div>
                  ) : null,
                )}
              </Card>
            ))}
            <Stand merges={merges} busy={busy} onUndo={(id) => undo.mutate(id)} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Facts({ line }: { line: RosterLine }) {
  const { t } = useTranslation();
  const facts: [string, string | undefined][] = [
    ['class_name', line.class_name],
    ['admission_number', line.admission_number],
    ['upi', line.upi],
    ['born', line.born],
  ];
  return (
    <div>
      <p className="text-lg font-bold">{line.full_name}</p>
      <dl className="text-sm">
        {facts.map(([name, value]) => (
          <div key={name} className="flex gap-2">
            <dt className="text-muted">{t(`import.column.${name}`)}:</dt>
            <dd>{value || '–'}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

interface StandProps {
  merges: RosterMerge[];
  busy: boolean;
  onUndo: (id: string) => void;
}

function Stand({ merges, busy, onUndo }: StandProps) {
  const { t, i18n } = useTranslation();
  if (merges.length === 0) return null;
  return (
    <section className="space-y-3">
      <h2 className="text-xl">{t('merge.stand')}</h2>
      <ul className="divide-y divide-line rounded-card border border-line bg-surface px-4">
        {merges.map((m) => (
          <li key={m.id} className="flex flex-wrap items-center justify-between gap-2 py-2">
            <span className="min-w-0">
              {t('merge.line', { name: m.duplicate.full_name, into: m.learner.full_name })}
              <span className="block text-sm text-muted">{day(m.at, i18n.language)}</span>
            </span>
            <Button
              look="plain"
              disabled={busy}
              aria-label={t('merge.undo_for', { name: m.duplicate.full_name })}
              onClick={() => onUndo(m.id)}
            >
              <Undo2 aria-hidden="true" className="size-5" />
              {t('merge.undo')}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
