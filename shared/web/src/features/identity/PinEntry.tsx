import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { Back } from '../../ui/Back';
import { Button } from '../../ui/Button';
import { Page } from '../../ui/Card';
import { Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import type { PictureName } from '../door/Picture';
import { PicturePad } from '../door/PicturePad';
import { doorQuery } from '../door/queries';
import { remember } from '../door/remembered';
import { PinPad } from './PinPad';
import { classesQuery, namesQuery } from './queries';
import { type Secret, signIn } from './session';

interface Learner {
  id: string;
  name: string;
  has_pin: boolean;
  has_pictures: boolean;
}

/** A learner's own secret: three pictures where a teacher has opened them, or a PIN of four to six digits. */
export function PinEntry() {
  const { t } = useTranslation();
  const { class: classId = '', learner = '' } = useParams();
  const names = useQuery(namesQuery(classId));
  const who = names.data?.learners?.find((l) => l.id === learner);

  return (
    <Page
      title={who ? t('pin.hello', { name: who.name.split(' ')[0] }) : t('pin.title')}
      above={<Back to={`/sign-in/classes/${classId}`}>{t('pin.not_me')}</Back>}
    >
      <Loaded query={names} isEmpty={() => !who} empty={<Notice>{t('signin.no_names')}</Notice>}>
        {() => (who ? <Entry who={who} classId={classId} /> : null)}
      </Loaded>
    </Page>
  );
}

function Entry({ who, classId }: { who: Learner; classId: string }) {
  const { t } = useTranslation();
  const classes = useQuery(classesQuery);
  const door = useQuery(doorQuery);
  const name = classes.data?.classes?.find((c) => c.id === classId)?.name ?? '';
  const open = who.has_pictures && Boolean(door.data?.open_classes.includes(name));
  const [pinWanted, setPinWanted] = useState(false);
  const [typed, setTyped] = useState({ pin: '', pictures: [] as PictureName[] });
  const clear = () => setTyped({ pin: '', pictures: [] });
  const attempt = useMutation({
    mutationFn: async (secret: Secret) => {
      await signIn(secret);
      remember({ id: who.id, name: who.name, classId });
    },
    onError: clear,
  });
  const untouched = typed.pin === '' && typed.pictures.length === 0;
  const pictures = open && !(pinWanted && who.has_pin);

  if (!who.has_pin && !who.has_pictures) return <Notice kind="waiting">{t('pictures.none')}</Notice>;
  if (who.has_pictures && (door.isPending || classes.isPending)) return null;
  if (who.has_pictures && !who.has_pin && !open) {
    return <Notice kind="waiting">{t('pictures.not_here')}</Notice>;
  }
  return (
    <div className="space-y-5">
      <p className="text-muted">{t(pictures ? 'pictures.lead' : 'pin.lead')}</p>
      {attempt.error && untouched && <Failure error={attempt.error} />}
      {pictures ? (
        <PicturePad
          chosen={typed.pictures}
          busy={attempt.isPending}
          onChange={(chosen) => setTyped({ pin: '', pictures: chosen })}
          onDone={(chosen) => attempt.mutate({ learner_id: who.id, pictures: chosen })}
        />
      ) : (
        <PinPad
          pin={typed.pin}
          busy={attempt.isPending}
          onChange={(pin) => setTyped({ pin, pictures: [] })}
          onDone={(pin) => attempt.mutate({ learner_id: who.id, pin })}
        />
      )}
      {open && who.has_pin && (
        <p className="text-center">
          <Button look="quiet" onClick={() => setPinWanted(!pinWanted)}>
            {t(pictures ? 'pictures.use_pin' : 'pin.use_pictures')}
          </Button>
        </p>
      )}
      <p className="text-center text-muted">{t('pin.forgot')}</p>
    </div>
  );
}
