import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { Guardian } from '../../api/types';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Failure, Loaded } from '../../ui/Loaded';
import { guardiansQuery } from '../identity/queries';
import type { Place } from './place';
import { reread } from './queries';

/** The adults of a learner; only holders of a duty see them. A link ends on the second tap. */
export function Guardians({ place, learner }: { place: Place; learner: string }) {
  const { t } = useTranslation();
  const query = useQuery(guardiansQuery(learner));
  const queries = useQueryClient();
  const [sure, setSure] = useState('');
  const unlink = useMutation({
    mutationFn: (guardian: string) =>
      service.post('/schools/{id}/roster/{learner}/guardians/{guardian}/unlink', {
        path: { id: place.school, learner, guardian },
      }),
    onSuccess: () => reread(queries),
  });
  // The school's office types it freely: what this app has no word for stands as it was typed.
  const relationship = ({ relationship: typed }: Guardian) =>
    t(`roster.relationship.${typed.trim().toLowerCase()}`, { defaultValue: typed });
  const facts = (g: Guardian) =>
    [g.relationship && relationship(g), g.phone_number].filter(Boolean).join(' · ');
  return (
    <Card className="space-y-3">
      <h2 className="text-lg">{t('roster.guardians')}</h2>
      {unlink.error && <Failure error={unlink.error} />}
      <Loaded
        query={query}
        rows={1}
        isEmpty={(list) => list.length === 0}
        empty={<p className="text-muted">{t('roster.no_guardians')}</p>}
      >
        {(list) => (
          <ul className="divide-y divide-line">
            {list.map((g) => (
              <li key={g.id} className="flex flex-wrap items-center justify-between gap-2 py-2">
                <span className="min-w-0">
                  <span className="block font-medium">{g.name}</span>
                  <span className="block text-sm text-muted">{facts(g)}</span>
                </span>
                {place.manages && (
                  <Button
                    look="plain"
                    disabled={unlink.isPending}
                    aria-label={t(sure === g.id ? 'roster.unlink_sure' : 'roster.unlink_for', {
                      name: g.name,
                    })}
                    onClick={() => (sure === g.id ? unlink.mutate(g.id) : setSure(g.id))}
                  >
                    {t(sure === g.id ? 'roster.unlink_sure' : 'roster.unlink', { name: g.name })}
                  </Button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Card>
  );
}
