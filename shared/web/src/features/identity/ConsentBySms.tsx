import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { MessageSquare } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { Answer } from '../../api/routes';
import { day } from '../../i18n/format';
import { useConnection } from '../../offline/connection';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { SelectField } from '../../ui/Field';
import { Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { standing, textsQuery } from './consent';
import { consentsQuery, guardiansQuery } from './queries';
import { useMe } from './session';

type Question = Answer<'/learners/{id}/consent-questions', 'get'>['questions'][number];

const questionsQuery = (learner: string) => ({
  queryKey: ['consent-questions', learner],
  queryFn: async () =>
    (await service.get('/learners/{id}/consent-questions', { path: { id: learner } })).questions,
});

/** The questions to guardians' phones; only the cloud sends and knows them. Who may ask gets the form. */
export function ConsentBySms({ learner }: { learner: string }) {
  const { t } = useTranslation();
  const me = useMe();
  const cloud = useConnection((s) => s.status?.side === 'cloud');
  if (!cloud) return null;
  const asks = me.role === 'admin' || me.duties?.includes('head') || me.duties?.includes('bursar');
  return (
    <Card className="space-y-4">
      <h2 className="text-xl">{t(asks ? 'consent.sms_title' : 'consent.asked')}</h2>
      {asks && <Ask learner={learner} />}
      <Asked learner={learner} />
    </Card>
  );
}

function Ask({ learner }: { learner: string }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const guardians = useQuery(guardiansQuery(learner));
  const words = useQuery(textsQuery(i18n.language));
  const consents = useQuery(consentsQuery(learner));
  const [guardian, setGuardian] = useState('');
  const [purpose, setPurpose] = useState('');
  const ask = useMutation({
    mutationFn: () =>
      service.post('/learners/{id}/consent-questions', {
        path: { id: learner },
        body: { guardian_id: guardian, purpose },
      }),
    onSuccess: () => setPurpose(''),
    onSettled: () => queries.invalidateQueries({ queryKey: ['consent-questions', learner] }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!ask.isPending) ask.mutate();
  };
  return (
    <>
      <p className="text-muted">{t('consent.sms_text')}</p>
      <Loaded
        query={guardians}
        rows={1}
        isEmpty={(list) => !list.some((g) => g.verified && g.phone_number)}
        empty={<Notice kind="waiting">{t('consent.sms_no_guardian')}</Notice>}
      >
        {(list) => (
          <Loaded query={words} rows={1}>
            {({ texts }) => (
              <form onSubmit={submit} className="space-y-4">
                <SelectField
                  label={t('consent.sms_guardian')}
                  required
                  value={guardian}
                  onChange={(e) => setGuardian(e.target.value)}
                >
                  <option value="">{t('payments.choose')}</option>
                  {list
                    .filter((g) => g.verified && g.phone_number)
                    .map((g) => (
                      <option key={g.id} value={g.id}>
                        {g.name}, {g.phone_number}
                      </option>
                    ))}
                </SelectField>
                <SelectField
                  label={t('consent.sms_purpose')}
                  required
                  value={purpose}
                  onChange={(e) => setPurpose(e.target.value)}
                >
                  <option value="">{t('payments.choose')}</option>
                  {texts
                    .filter((w) => !standing(consents.data ?? [], w.purpose)?.given)
                    .map((w) => (
                      <option key={w.purpose} value={w.purpose}>
                        {w.title}
                      </option>
                    ))}
                </SelectField>
                {ask.error && <Failure error={ask.error} />}
                {ask.isSuccess && (
                  <Notice kind="good" live>
                    {t('consent.sms_sent')}
                  </Notice>
                )}
                <Button type="submit" disabled={ask.isPending}>
                  <MessageSquare aria-hidden="true" className="size-5" />
                  {t('consent.sms_send')}
                </Button>
              </form>
            )}
          </Loaded>
        )}
      </Loaded>
    </>
  );
}

function Asked({ learner }: { learner: string }) {
  const { t, i18n } = useTranslation();
  const query = useQuery(questionsQuery(learner));
  const words = useQuery(textsQuery(i18n.language));
  const state = (q: Question) => {
    if (q.answer) return q.answer === 'yes' ? 'yes' : 'no';
    return new Date(q.deadline).getTime() < Date.now() ? 'late' : 'waiting';
  };
  return (
    <Loaded
      query={query}
      rows={1}
      isEmpty={(list) => list.length === 0}
      empty={<p className="text-muted">{t('consent.history_none')}</p>}
    >
      {(list) => (
        <ul className="divide-y divide-line">
          {list.map((q) => (
            <li key={q.id} className="py-2">
              <span className="block font-medium">
                {words.data?.texts.find((w) => w.purpose === q.purpose)?.title ?? q.purpose}
              </span>
              <span className="block text-sm text-muted">
                {t(`consent.asked_${state(q)}`, {
                  date: day(q.asked_at, i18n.language),
                  until: day(q.deadline, i18n.language),
                })}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Loaded>
  );
}
