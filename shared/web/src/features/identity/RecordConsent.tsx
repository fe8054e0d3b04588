import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Problem } from '../../api/problem';
import type { Consent, ConsentTexts } from '../../api/types';
import { day } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Check, SelectField, TextField } from '../../ui/Field';
import { Failure, Loaded, Skeleton } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { ConsentText } from './ConsentText';
import { sendPhoto, standing, textsQuery } from './consent';
import { consentsQuery, guardiansQuery } from './queries';

/** What a guardian signed on paper, entered by the teacher: each purpose by itself, unticked until she says yes. */
export function RecordConsent({ learner }: { learner: string }) {
  const { t, i18n } = useTranslation();
  const query = useQuery(consentsQuery(learner));
  const words = useQuery(textsQuery(i18n.language));
  return (
    <Card className="space-y-4">
      <h2 className="text-xl">{t('consent.title')}</h2>
      <p className="text-muted">{t('consent.lead')}</p>
      <Loaded query={query} rows={1}>
        {(consents) => (
          <Loaded query={words} rows={5}>
            {(texts) => <Form learner={learner} consents={consents} words={texts} />}
          </Loaded>
        )}
      </Loaded>
    </Card>
  );
}

interface FormProps {
  learner: string;
  consents: Consent[];
  words: ConsentTexts;
}

function Form({ learner, consents, words }: FormProps) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const [guardian, setGuardian] = useState('');
  const [photo, setPhoto] = useState<File | null>(null);
  const purposes = words.texts.map((text) => text.purpose);
  const given = (purpose: string) => standing(consents, purpose);
  const [ticked, setTicked] = useState(() => new Set(purposes.filter((p) => given(p)?.given)));

  const record = useMutation({
    mutationFn: async () => {
      const name = photo ? await sendPhoto(learner, photo) : undefined;
      for (const purpose of purposes) {
        const now = ticked.has(purpose);
        if (now === Boolean(given(purpose)?.given)) continue;
        await service.post('/learners/{id}/consents', {
          path: { id: learner },
          body: {
            purpose,
            given: now,
            guardian_name: guardian.trim(),
            method: 'paper',
            text_version: words.version,
            photo: name,
          },
        });
      }
    },
    onSuccess: () => setPhoto(null),
    onSettled: () => queries.invalidateQueries({ queryKey: ['consents', learner] }),
  });

  const changed = purposes.some((p) => ticked.has(p) !== Boolean(given(p)?.given));
  const toggle = (purpose: string, on: boolean) => {
    const next = new Set(ticked);
    if (on) next.add(purpose);
    else next.delete(purpose);
    setTicked(next);
    record.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (changed && !record.isPending) record.mutate();
  };

  return (
    <form onSubmit={submit} className="space-y-4">
      {words.texts.map((text) => {
        const purpose = text.purpose;
        const stored = given(purpose);
        return (
          <div key={purpose} className="space-y-1">
            <Check
              label={text.title}
              hint={text.what}
              checked={ticked.has(purpose)}
              onChange={(on) => toggle(purpose, on)}
            />
            <ConsentText text={text} />
            {stored && (
              <p className="text-sm text-muted">
                {t(stored.given ? 'consent.given' : 'consent.withdrawn', {
                  name: stored.guardian_name,
                  date: day(stored.at, i18n.language),
                })}
              </p>
            )}
          </div>
        );
      })}
      {changed && <GuardianName learner={learner} value={guardian} onChange={setGuardian} />}
      {changed && (
        <TextField
          label={t('consent.photo')}
          hint={t('consent.photo_text')}
          type="file"
          accept="image/jpeg,image/png"
          capture="environment"
          onChange={(e) => setPhoto(e.target.files?.[0] ?? null)}
        />
      )}
      {record.error && <Failure error={record.error} />}
      {record.isSuccess && (
        <Notice kind="good" live>
          {t('consent.recorded')}
        </Notice>
      )}
      <Button type="submit" disabled={!changed || record.isPending}>
        {t('consent.record')}
      </Button>
    </form>
  );
}

interface GuardianNameProps {
  learner: string;
  value: string;
  onChange: (name: string) => void;
}

function GuardianName({ learner, value, onChange }: GuardianNameProps) {
  const { t } = useTranslation();
  const label = t('consent.guardian');
  // A teacher without a duty may not read the guardians' list and types the name on the paper.
  const query = useQuery({ ...guardiansQuery(learner), retry: false });
  const known = query.data ?? [];
  if (query.isPending) return <Skeleton rows={1} />;
  const refused = query.error instanceof Problem && query.error.status === 403;
  if (query.error && !query.data && !refused) {
    return <Failure error={query.error} busy={query.isFetching} onRetry={() => void query.refetch()} />;
  }
  if (known.length === 0) {
    return <TextField label={label} required value={value} onChange={(e) => onChange(e.target.value)} />;
  }
  return (
    <SelectField label={label} required value={value} onChange={(e) => onChange(e.target.value)}>
      <option value="">{t('payments.choose')}</option>
      {known.map((g) => (
        <option key={g.id}>{g.name}</option>
      ))}
    </SelectField>
  );
}
