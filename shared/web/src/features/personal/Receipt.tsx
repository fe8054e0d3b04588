import { useQuery } from '@tanstack/react-query';
import { CircleCheck, Clock, type LucideIcon, Minus, Printer } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';
import type { Erasure } from '../../api/types';
import { stamp } from '../../i18n/format';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { isUnknown, keptOf, receiptQuery } from './erasure';

/** The receipt of an erasure, for whoever has its code: no account is needed, and it names nobody. */
export function Receipt() {
  const { t } = useTranslation();
  const { code = '' } = useParams();
  return (
    // Paper is white in the dark theme too.
    <div className="mx-auto max-w-2xl print:[&_*]:!bg-[#fff] print:[&_*]:!text-[#111]">
      <Page title={t('personal.receipt')} lead={t('erasure.receipt_lead')}>
        {code ? <ByCode key={code} code={code} /> : <CodeForm />}
      </Page>
    </div>
  );
}

function CodeForm() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // The whole address of a receipt is as good as its code.
    const code = typed.trim().split('/').at(-1);
    if (code) navigate(`/erasure/${encodeURIComponent(code)}`);
  };
  return (
    <Card>
      <form onSubmit={submit} className="space-y-4">
        <TextField
          label={t('erasure.code')}
          hint={t('erasure.code_hint')}
          required
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={typed}
          onChange={(e) => setTyped(e.target.value)}
        />
        <Button type="submit">{t('erasure.open_receipt')}</Button>
      </form>
    </Card>
  );
}

function ByCode({ code }: { code: string }) {
  const { t } = useTranslation();
  const query = useQuery(receiptQuery(code));
  if (isUnknown(query.error)) {
    return (
      <>
        <Notice kind="bad" live>
          <p className="font-medium">{t('erasure.unknown')}</p>
          <p>{t('erasure.unknown_text')}</p>
        </Notice>
        <CodeForm />
      </>
    );
  }
  return (
    <Loaded query={query}>
      {(receipt) => (
        <>
          <State receipt={receipt} />
          <Facts receipt={receipt} />
          {receipt.done_at && <Places receipt={receipt} />}
          <Kept receipt={receipt} />
          <div className="flex flex-wrap gap-3 print:hidden">
            <Button onClick={() => window.print()}>
              <Printer aria-hidden="true" className="size-5" />
              {t('cards.print')}
            </Button>
            <ButtonLink look="plain" to="/erasure">
              {t('erasure.another')}
            </ButtonLink>
          </div>
        </>
      )}
    </Loaded>
  );
}

const passed = (iso: string) => new Date(iso) <= new Date();

/** The cloud's place is without a school; a box gives a receipt of its own work alone. */
const isCloud = (stop: Erasure['stops'][number]) => !stop.school && !stop.box;

/** One sentence: how far it is. */
function State({ receipt }: { receipt: Erasure }) {
  const { t, i18n } = useTranslation();
  const at = (iso: string) => stamp(iso, i18n.language);
  if (!receipt.done_at) {
    return (
      <Notice kind="waiting">
        {passed(receipt.due_at) ? t('erasure.now') : t('erasure.waits', { due: at(receipt.due_at) })}
      </Notice>
    );
  }
  if (!receipt.complete) {
    const count = receipt.stops.filter((stop) => stop.box && !stop.erased_at).length;
    return <Notice kind="waiting">{t('erasure.incomplete', { count })}</Notice>;
  }
  if (!receipt.stops.some(isCloud)) return <Notice kind="waiting">{t('erasure.complete_box')}</Notice>;
  const until = receipt.backups_until;
  return (
    <Notice kind="good">
      {until && !passed(until) ? t('erasure.complete_backups', { until: at(until) }) : t('erasure.complete')}
    </Notice>
  );
}

function Facts({ receipt }: { receipt: Erasure }) {
  const { t, i18n } = useTranslation();
  const facts = [
    [t('erasure.code'), <span className="break-all font-mono">{receipt.code}</span>],
    [t('erasure.asked_on'), stamp(receipt.asked_at, i18n.language)],
    ...(receipt.done_at ? [[t('erasure.done_on'), stamp(receipt.done_at, i18n.language)]] : []),
  ] as const;
  return (
    <Card>
      <dl className="grid gap-x-6 gap-y-3 sm:grid-cols-2">
        {facts.map(([name, value]) => (
          <div key={String(name)}>
            <dt className="text-sm text-muted">{name}</dt>
            <dd className="font-medium">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function Places({ receipt }: { receipt: Erasure }) {
  const { t } = useTranslation();
  return (
    <Card className="space-y-3">
      <h2 className="text-lg">{t('erasure.places')}</h2>
      <ul className="divide-y divide-line">
        {receipt.stops.map((stop, i) => (
          <Stop key={i} stop={stop} />
        ))}
        {receipt.stops.some(isCloud) && <Backups until={receipt.backups_until} />}
      </ul>
    </Card>
  );
}

function Stop({ stop }: { stop: Erasure['stops'][number] }) {
  const { t, i18n } = useTranslation();
  if (isCloud(stop)) {
    const when = stop.erased_at ? stamp(stop.erased_at, i18n.language) : '';
    return <Line icon={CircleCheck} name={t('erasure.cloud')} text={t('erasure.at', { when })} />;
  }
  const name = stop.school ? t('erasure.box', { school: stop.school }) : t('erasure.box_nameless');
  if (stop.erased_at) {
    const when = stamp(stop.erased_at, i18n.language);
    return <Line icon={CircleCheck} name={name} text={t('erasure.at', { when })} />;
  }
  if (!stop.box) return <Line icon={Minus} name={stop.school} text={t('erasure.no_box')} />;
  return <Line icon={Clock} name={name} text={t('erasure.not_confirmed')} />;
}

function Backups({ until }: { until: string | null }) {
  const { t, i18n } = useTranslation();
  const name = t('erasure.backups');
  if (!until) return <Line icon={Minus} name={name} text={t('erasure.backups_none')} />;
  const when = stamp(until, i18n.language);
  return passed(until) ? (
    <Line icon={CircleCheck} name={name} text={t('erasure.backups_gone', { when })} />
  ) : (
    <Line icon={Clock} name={name} text={t('erasure.backups_until', { when })} />
  );
}

function Line({ icon: Icon, name, text }: { icon: LucideIcon; name: string; text: string }) {
  return (
    <li className="flex gap-3 py-3">
      <Icon aria-hidden="true" className="mt-0.5 size-5 shrink-0 text-muted" />
      <div className="min-w-0">
        <p className="font-medium">{name}</p>
        <p className="text-muted">{text}</p>
      </div>
    </li>
  );
}

function Kept({ receipt }: { receipt: Erasure }) {
  const { t } = useTranslation();
  const { known, other } = keptOf(receipt.kept);
  return (
    <Card className="space-y-3">
      <h2 className="text-lg">{t('erasure.keeps')}</h2>
      <ul className="list-disc space-y-1 pl-5">
        {known.map((reason) => (
          <li key={reason}>{t(`erasure.kept.${reason}`)}</li>
        ))}
        {other.map((why) => (
          <li key={why} lang="en">
            {why}
          </li>
        ))}
      </ul>
    </Card>
  );
}
