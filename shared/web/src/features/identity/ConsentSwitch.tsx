import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { Consent, ConsentText as Text } from '../../api/types';
import { day } from '../../i18n/format';
import { Card } from '../../ui/Card';
import { Check } from '../../ui/Field';
import { Failure, Loaded } from '../../ui/Loaded';
import { ConsentText } from './ConsentText';
import { standing, textsQuery } from './consent';
import { consentsQuery } from './queries';

/** A guardian's own yes or no, each purpose by itself; taking it back is the same one tap. */
export function ConsentSwitch({ learner, name }: { learner: string; name: string }) {
  const { t, i18n } = useTranslation();
  const query = useQuery(consentsQuery(learner));
  const words = useQuery(textsQuery(i18n.language));
  return (
    <section className="space-y-3">
      <h2 className="text-xl">{t('consent.own_title', { name: name.split(' ')[0] })}</h2>
      <Card>
        <Loaded query={query} rows={1}>
          {(consents) => (
            <Loaded query={words} rows={5}>
              {({ version, texts }) => (
                <ul className="space-y-6">
                  {texts.map((text) => (
                    <li key={text.purpose}>
                      <Purpose
                        learner={learner}
                        text={text}
                        version={version}
                        stored={standing(consents, text.purpose)}
                      />
                    </li>
                  ))}
                </ul>
              )}
            </Loaded>
          )}
        </Loaded>
      </Card>
    </section>
  );
}

interface PurposeProps {
  learner: string;
  text: Text;
  version: string;
  stored: Consent | undefined;
}

function Purpose({ learner, text, version, stored }: PurposeProps) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const decide = useMutation({
    mutationFn: (given: boolean) =>
      service.post('/learners/{id}/consents', {
        path: { id: learner },
        body: { purpose: text.purpose, given, method: 'web', text_version: version },
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['consents', learner] }),
  });
  return (
    <div className="space-y-2">
      <Check
        label={text.title}
        hint={text.what}
        checked={Boolean(stored?.given)}
        disabled={decide.isPending}
        onChange={(given) => decide.mutate(given)}
      />
      <ConsentText text={text} />
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
