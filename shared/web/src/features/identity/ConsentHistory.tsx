import { useMutation, useQuery } from '@tanstack/react-query';
import { Image as ImageIcon } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../../api';
import type { Consent, ConsentText as Text } from '../../api/types';
import { moment } from '../../i18n/format';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Failure, Loaded } from '../../ui/Loaded';
import { textsQuery } from './consent';
import { consentsQuery } from './queries';
import { useMe } from './session';

/** Every answer that was given for a learner, newest first: who, when and how; nothing is overwritten. */
export function ConsentHistory({ learner, title }: { learner: string; title: string }) {
  const { t, i18n } = useTranslation();
  const query = useQuery(consentsQuery(learner));
  const words = useQuery(textsQuery(i18n.language));
  return (
    <Card className="space-y-3">
      <h2 className="text-xl">{title}</h2>
      <Loaded
        query={query}
        rows={1}
        isEmpty={(list) => list.length === 0}
        empty={<p className="text-muted">{t('consent.history_none')}</p>}
      >
        {(list) => (
          <ul className="divide-y divide-line">
            {list.map((one) => (
              <Answer
                key={one.id}
                one={one}
                text={words.data?.texts.find((w) => w.purpose === one.purpose)}
              />
            ))}
          </ul>
        )}
      </Loaded>
    </Card>
  );
}

function Answer({ one, text }: { one: Consent; text: Text | undefined }) {
  const { t, i18n } = useTranslation();
  // The child herself and staff without a reason see no forms.
  const sees = ['parent', 'instructor', 'admin'].includes(useMe().role);
  const title = text?.title ?? one.purpose;
  return (
    <li className="space-y-2 py-3">
      <p className="flex flex-wrap items-center gap-2">
        <Badge tone={one.given ? 'good' : 'bad'}>
          {t(one.given ? 'consent.said_yes' : 'consent.said_no')}
        </Badge>
        <span className="font-medium">{title}</span>
      </p>
      <p className="text-sm text-muted">
        {[one.guardian_name, moment(one.at, i18n.language), t(`consent.by_${one.method}`)].join(', ')}
      </p>
      {sees && one.photo && <Form learner={one.learner_id} photo={one.photo} title={title} />}
    </li>
  );
}

/** The photo of a signed form, fetched with the session when somebody asks for it. */
function Form({ learner, photo, title }: { learner: string; photo: string; title: string }) {
  const { t } = useTranslation();
  const [url, setUrl] = useState('');
  useEffect(() => () => URL.revokeObjectURL(url), [url]);
  const load = useMutation({
    mutationFn: () =>
      client.download(`/learners/${encodeURIComponent(learner)}/consent-photos/${encodeURIComponent(photo)}`),
    onSuccess: (file) => setUrl(URL.createObjectURL(file)),
  });
  if (url) {
    return (
      <figure className="space-y-2">
        <img
          src={url}
          alt={t('consent.photo_alt', { title })}
          className="max-w-full rounded-xl border border-line"
        />
        <Button look="plain" onClick={() => setUrl('')}>
          {t('consent.hide_photo')}
        </Button>
      </figure>
    );
  }
  return (
    <>
      <Button
        look="plain"
        aria-label={t('consent.photo_alt', { title })}
        disabled={load.isPending}
        onClick={() => load.mutate()}
      >
        <ImageIcon aria-hidden="true" className="size-5" />
        {t('consent.see_photo')}
      </Button>
      {load.error && <Failure error={load.error} />}
    </>
  );
}
