import { useMutation } from '@tanstack/react-query';
import { CircleCheck } from 'lucide-react';
import { type ChangeEvent, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../../api';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Failure } from '../../ui/Loaded';
import { PAGE, shrink } from './shrink';

const KINDS = ['cv', 'id_front', 'id_back'] as const;

/** The files of an application. */
export function Documents({ has }: { has: string[] }) {
  const { t } = useTranslation();
  return (
    <Card>
      <h2 className="mb-1 text-lg">{t('apply.documents')}</h2>
      <p className="mb-4 text-sm text-muted">{t('apply.documents_hint')}</p>
      <ul className="space-y-3">
        {KINDS.map((kind) => (
          <DocumentLine key={kind} kind={kind} there={has.includes(kind)} />
        ))}
      </ul>
    </Card>
  );
}

function DocumentLine({ kind, there }: { kind: (typeof KINDS)[number]; there: boolean }) {
  const { t } = useTranslation();
  const input = useRef<HTMLInputElement>(null);
  const put = useMutation({
    mutationFn: async (file: File) =>
      client.call(`/instructor-applications/documents/${kind}`, {
        method: 'PUT',
        file: await shrink(file, PAGE),
        timeoutMs: 120_000,
      }),
  });
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    event.target.value = '';
    if (file) put.mutate(file);
  };
  const kept = there || put.isSuccess;
  return (
    <li className="space-y-2">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <span className="font-medium">{t(`document.${kind}`)}</span>
        <span className="flex flex-wrap items-center gap-3">
          {kept && (
            <span role="status" className="inline-flex items-center gap-1 text-good">
              <CircleCheck aria-hidden="true" className="size-5" />
              {t('document.kept')}
            </span>
          )}
          <input
            ref={input}
            type="file"
            accept="application/pdf,image/png,image/jpeg"
            className="sr-only"
            tabIndex={-1}
            aria-label={t('document.choose', { document: t(`document.${kind}`) })}
            onChange={choose}
          />
          <Button
            look="plain"
            disabled={put.isPending}
            aria-label={t('document.choose', { document: t(`document.${kind}`) })}
            onClick={() => input.current?.click()}
          >
            {put.isPending ? t('action.busy') : t('document.choose_short')}
          </Button>
        </span>
      </div>
      {put.error && <Failure error={put.error} />}
    </li>
  );
}
