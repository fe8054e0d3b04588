import { useMutation } from '@tanstack/react-query';
import { Smartphone } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { explain } from '../../api/problem';
import type { CarryFile } from '../../api/types';
import { number } from '../../i18n/format';
import { useConnection } from '../../offline/connection';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Skeleton } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { useSession } from '../identity/session';
import { HandOverCard } from './HandOverCard';
import { History } from './History';
import { LINK } from './Outcome';

/** The school's work in a file: taken along at the school, handed over at the cloud, and the way back. */
export function Carry() {
  const { t } = useTranslation();
  const side = useConnection((s) => s.status?.side);
  const teacher = useSession((s) => s.me?.role === 'instructor');
  if (!side) return <Skeleton />;
  return (
    <Page title={t(`carry.${side}_title`)} lead={t(`carry.${side}_lead`)}>
      {side === 'school' && <TakeAlong />}
      <HandOverCard side={side} />
      {side === 'school' && teacher && <History />}
    </Page>
  );
}

function TakeAlong() {
  const { t, i18n } = useTranslation();
  const teacher = useSession((s) => s.me?.role === 'instructor');
  const waiting = useConnection((s) => s.status?.waiting ?? 0);
  const link = useRef<HTMLAnchorElement>(null);
  const write = useMutation({ mutationFn: () => service.post('/carry', { timeoutMs: 300_000 }) });
  // The download begins by itself; the link stays for a browser that asks first.
  useEffect(() => {
    if (write.data) link.current?.click();
  }, [write.data]);

  return (
    <Card className="space-y-4">
      <h2 className="text-lg">{t('carry.take_title')}</h2>
      <p>{t('carry.take_text', { count: waiting, shown: number(waiting, i18n.language) })}</p>
      {!teacher && (
        <>
          <Notice kind="info">{t('carry.teacher')}</Notice>
          <ButtonLink to="/sign-in/password" look="plain" wide>
            {t('signin.teacher')}
          </ButtonLink>
        </>
      )}
      {teacher && !write.data && (
        <Button wide disabled={write.isPending} onClick={() => write.mutate()}>
          <Smartphone aria-hidden="true" className="size-5 shrink-0" />
          {t(write.isPending ? 'carry.writing' : 'carry.take_button')}
        </Button>
      )}
      {write.error && (
        <Notice kind="bad" live>
          {explain(write.error, t)}
        </Notice>
      )}
      {write.data && <Taken file={write.data} link={link} />}
    </Card>
  );
}

function Taken({ file, link }: { file: CarryFile; link: React.RefObject<HTMLAnchorElement> }) {
  const { t, i18n } = useTranslation();
  const kb = number(Math.ceil(file.size / 1024), i18n.language);
  const there = file.hand_over_url;
  return (
    <div className="space-y-4">
      <Notice kind="good" live>
        <p className="font-semibold">{t('carry.taken', { name: file.name })}</p>
        <p>{t('carry.taken_text', { count: file.records, shown: number(file.records, i18n.language) })}</p>
        <p>{t('carry.no_room', { kb })}</p>
      </Notice>
      <a ref={link} className={LINK} href={file.url} download={file.name}>
        {t('carry.download', { kb })}
      </a>
      {there && (
        <p>
          {t('carry.then')}{' '}
          <a
            className="inline-flex min-h-tap items-center break-all font-semibold underline underline-offset-2"
            href={there}
          >
            {there}
          </a>
        </p>
      )}
    </div>
  );
}
