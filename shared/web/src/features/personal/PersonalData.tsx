import { useMutation } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { type FormEvent, lazy, Suspense, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../../api';
import { patiently } from '../../app/patiently';
import { laterTexts } from '../../i18n';
import { useConnection } from '../../offline/connection';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { keep } from '../../ui/keep';
import { Failure, Skeleton } from '../../ui/Loaded';
import { useSession } from '../identity/session';

/** Few people erase anybody: it travels apart from the pages on which it stands, with its texts. */
const Erase = lazy(() =>
  patiently(async () => {
    const [part] = await Promise.all([import('./Erase'), laterTexts()]);
    return { default: part.Erase };
  }),
);

interface Props {
  /** Whose data: an id, or 'me'. */
  person: string;
  /** Her name, when it is not one's own. */
  name?: string;
  /** Asked for on paper: the one who acts says why. */
  onPaper?: boolean;
}

/** What a person may ask about her data. */
export function PersonalData({ person, name, onPaper }: Props) {
  const { t } = useTranslation();
  const side = useConnection((s) => s.status?.side);
  const title = useId();
  return (
    <Card className="space-y-5">
      <div className="space-y-2">
        <h2 className="text-lg">{name ? t('personal.title_of', { name }) : t('personal.title')}</h2>
        <p className="text-muted">{t(side === 'cloud' ? 'personal.text' : 'personal.text_school')}</p>
      </div>
      <Everything person={person} onPaper={onPaper} />
      <section className="space-y-3 border-t border-line pt-5" aria-labelledby={title}>
        <h3 id={title} className="font-semibold">
          {t('personal.erase')}
        </h3>
        <End person={person} onPaper={onPaper} />
      </section>
    </Card>
  );
}

/** Where nobody can ask for an end of her own, it says who can or where. */
function End({ person, onPaper }: Props) {
  const { t } = useTranslation();
  const me = useSession((s) => s.me);
  const side = useConnection((s) => s.status?.side);
  const own = person === 'me';
  if (own && me?.role === 'student' && (side !== 'cloud' || me.at_home || me.school_id)) {
    return <p className="text-muted">{t('personal.erase_student')}</p>;
  }
  if (own && side !== 'cloud') return <p className="text-muted">{t('personal.erase_cloud')}</p>;
  return (
    <Suspense fallback={<Skeleton rows={1} />}>
      <Erase person={person} onPaper={onPaper} parent={own && me?.role === 'parent'} />
    </Suspense>
  );
}

function Everything({ person, onPaper }: Props) {
  const { t } = useTranslation();
  const [reason, setReason] = useState('');
  const load = useMutation({
    mutationFn: async () => {
      const query = new URLSearchParams({ format: 'zip', ...(onPaper && { reason: reason.trim() }) });
      keep(await client.download(`/people/${person}/personal-data?${query}`), 'personal-data.zip');
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!load.isPending) load.mutate();
  };
  return (
    <form onSubmit={submit} className="space-y-3">
      {onPaper && (
        <TextField
          label={t('personal.reason_export')}
          hint={t('personal.reason_hint')}
          required
          maxLength={300}
          value={reason}
          onChange={(e) => setReason(e.target.value)}
        />
      )}
      {load.error && <Failure error={load.error} />}
      <Button type="submit" look="plain" disabled={load.isPending}>
        <Download aria-hidden="true" className="size-5" />
        {load.isPending ? t('action.busy') : t('personal.download')}
      </Button>
      {load.isSuccess && (
        <p role="status" className="text-sm text-muted">
          {t('personal.downloaded')}
        </p>
      )}
    </form>
  );
}
