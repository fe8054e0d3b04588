import { useMutation } from '@tanstack/react-query';
import { type ChangeEvent, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../../api';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Failure } from '../../ui/Loaded';
import { Initials } from '../identity/Initials';
import { reloadMe, useMe } from '../identity/session';
import { shrink } from './shrink';

/** The person's picture: chosen, shrunk on the phone, cut and encoded anew by the server. */
export function Picture() {
  const { t } = useTranslation();
  const me = useMe();
  const input = useRef<HTMLInputElement>(null);
  const set = useMutation({
    mutationFn: async (file: File) => {
      await client.call('/users/me/avatar', { method: 'PUT', file: await shrink(file) });
      await reloadMe();
    },
  });
  const remove = useMutation({
    mutationFn: async () => {
      await client.call('/users/me/avatar', { method: 'DELETE' });
      await reloadMe();
    },
  });
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    event.target.value = '';
    if (file) set.mutate(file);
  };
  const busy = set.isPending || remove.isPending;
  const url = me.profile_data.avatar_url;
  const error = set.error ?? remove.error;

  return (
    <Card>
      <h2 className="mb-4 text-lg">{t('picture.title')}</h2>
      <div className="flex flex-wrap items-center gap-4">
        {url ? (
          <img src={url} alt={t('picture.alt')} width={88} height={88} className="size-22 rounded-full" />
        ) : (
          <Initials name={me.profile_data.full_name} />
        )}
        <input
          ref={input}
          type="file"
          accept="image/png,image/jpeg"
          className="sr-only"
          aria-label={t('picture.choose')}
          tabIndex={-1}
          onChange={choose}
        />
        <Button look="plain" disabled={busy} onClick={() => input.current?.click()}>
          {busy ? t('action.busy') : t('picture.choose')}
        </Button>
        {url && (
          <Button look="quiet" disabled={busy} onClick={() => remove.mutate()}>
            {t('picture.remove')}
          </Button>
        )}
      </div>
      {error && (
        <div className="mt-4">
          <Failure error={error} />
        </div>
      )}
    </Card>
  );
}
