import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { Consent } from '../../api/types';
import { day } from '../../i18n/format';
import { Card } from '../../ui/Card';
import { Check } from '../../ui/Field';
import { Failure, Loaded } from '../../ui/Loaded';
import { PURPOSES, standing, TEXT_VERSION } from './consent';
import { consentsQuery } from './queries';

/** A guardian's own yes or no, each purpose by itself; taking it back is the same one tap. */
export function ConsentSwitch({ learner, name }: { learner: string; name: string }) {
  const { t } = useTranslation();
  const query = useQuery(consentsQuery(learner));
  return (
    <section className="space-y-3">
      <h2 className="text-xl">{t('consent.own_title', { name: name.split(' ')[0] })}</h2>
      <Card>
        <Loaded query={query} rows={1}>
          {(consents) => (
            <ul className="space-y-4">
              {PURPOSES.map((purpose) => (
                <li key={purpose}>
                  <Purpose learner={learner} purpose={purpose} stored={standing(consents, purpose)} />
                </li>
              ))}
            </ul>
          )}
        </Loaded>
      </Card>
    </section>
  );
}

interface PurposeProps {
  learner: string;
  purpose: string;
  stored: Consent | undefined;
}

function Purpose({ learner, purpose, stored }: PurposeProps) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const decide = useMutation({
    mutationFn: (given: boolean) =>
      service.post('/learners/{id}/consents', {
        path: { id: learner },
        body: { purpose, given, method: 'web', text_version: TEXT_VERSION },
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['consents', learner] }),
  });
  return (
    <div className="space-y-2">
      <Check
        label={t(`purpose.${purpose}`)}
        hint={t(`purpose.${purpose}_text`)}
        checked={Boolean(stored?.given)}
        disabled={decide.isPending}
        onChange={(given) => decide.mutate(given)}
      />
      {decide.error && <Failure error={decide.error} />}
      <p role="status" className="text-sm text-muted">
        {stored
          ? t(stored.given ? 'consent.given' : 'consent.withdrawn', {
              name: stored.guardian_name,
              date: day(stored.at, i18n.language),
            })
          : t('consent.not_given')}
      </p>
    </div>
  );
}
