import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { Back } from '../../ui/Back';
import { Page } from '../../ui/Card';
import { Failure } from '../../ui/Loaded';
import { PinPad } from './PinPad';
import { namesQuery } from './queries';
import { signIn } from './session';

/** A learner's own PIN, four to six digits. A wrong one clears the dots. */
export function PinEntry() {
  const { t } = useTranslation();
  const { class: classId = '', learner = '' } = useParams();
  const [pin, setPin] = useState('');
  const names = useQuery(namesQuery(classId));
  const name = names.data?.learners?.find((l) => l.id === learner)?.name;
  const attempt = useMutation({
    mutationFn: (typed: string) => signIn({ learner_id: learner, pin: typed }),
    onError: () => setPin(''),
  });

  return (
    <Page
      title={name ? t('pin.hello', { name: name.split(' ')[0] }) : t('pin.title')}
      lead={t('pin.lead')}
      above={<Back to={`/sign-in/classes/${classId}`}>{t('pin.not_me')}</Back>}
    >
      {attempt.error && pin === '' && <Failure error={attempt.error} />}
      <PinPad
        pin={pin}
        busy={attempt.isPending}
        onChange={setPin}
        onDone={(typed) => attempt.mutate(typed)}
      />
      <p className="text-center text-muted">{t('pin.forgot')}</p>
    </Page>
  );
}
