import { useMutation } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../../api';
import { useConnection } from '../../offline/connection';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';

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
  return (
    <Card className="space-y-5">
      <div className="space-y-2">
        <h2 className="text-lg">{name ? t('personal.title_of', { name }) : t('personal.title')}</h2>
        <p className="text-muted">{t(side === 'cloud' ? 'personal.text' : 'personal.text_school')}</p>
      </div>
      <Everything person={person} onPaper={onPaper} />
    </Card>
  );
}

function Everything({ person, onPaper }: Props) {
  const { t } = useTranslation();
  const [reason, setReason] = useState('');
  const load = useMutation({
    mutationFn: async () => {
      const query = new URLSearchParams({ format: 'zip', ...(onPaper && { reason: reason.trim() }) });
      const file = await client.download(`/people/${person}/personal-data?${query}`);
      const link = document.createElement('a');
      link.href = URL.createObjectURL(file);
      link.download = 'personal-data.zip';
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
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
