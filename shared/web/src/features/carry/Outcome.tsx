import { Download, FileText } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { HandOver } from '../../api/types';
import { moment, number } from '../../i18n/format';
import { Notice } from '../../ui/Notice';

type Brought = NonNullable<HandOver['outcome']>;

/** The kinds of work, in the order a teacher asks for them. */
const KINDS = ['learning', 'tutor', 'money', 'roster', 'control'] as const;

/** What a file brought, in plain words, and what to take along now. */
export function Outcome({ side, done }: { side: 'school' | 'cloud'; done: HandOver }) {
  const { t, i18n } = useTranslation();
  const got = done.outcome;
  if (!got) return null;
  const good = got.state === 'applied' || got.state === 'known';
  return (
    <div className="space-y-4">
      <Notice kind={good ? 'good' : 'waiting'} live>
        <p className="font-semibold">{headline(t, side, got, done.again)}</p>
        <ul className="list-disc space-y-1 ps-5">
          {lines(got, i18n.language).map(({ key, count, shown }) => (
            <li key={key}>{t(`carry.${side}_${key}`, { count, shown })}</li>
          ))}
        </ul>
        <p className="text-sm">{t('carry.at', { time: moment(got.at, i18n.language) })}</p>
      </Notice>
      {done.return && (
        <div className="space-y-2">
          <p>{t('carry.take_back')}</p>
          <a className={LINK} href={done.return.url} download={done.return.name}>
            <Download aria-hidden="true" className="size-5 shrink-0" />
            {t('carry.take_back_button', { kb: number(Math.ceil(done.return.size / 1024), i18n.language) })}
          </a>
        </div>
      )}
      {done.receipt_url && (
        <a className={PLAIN_LINK} href={done.receipt_url} download>
          <FileText aria-hidden="true" className="size-5 shrink-0" />
          {t('carry.receipt')}
        </a>
      )}
    </div>
  );
}

const SHAPE =
  'inline-flex min-h-child w-full items-center justify-center gap-2 rounded-2xl px-5 py-2.5 text-base font-semibold';
export const LINK = `${SHAPE} bg-brand text-on-brand`;
const PLAIN_LINK = `${SHAPE} border border-edge bg-surface text-ink`;

function headline(t: (key: string) => string, side: string, got: Brought, again: boolean): string {
  if (got.state === 'below') return t('carry.state_below');
  if (again || got.state === 'known') return t('carry.known');
  return t(got.state === 'applied' ? `carry.${side}_applied` : `carry.state_${got.state}`);
}

interface Line {
  key: string;
  count: number;
  shown: string;
}

function lines(got: Brought, language: string): Line[] {
  const line = (key: string, count: number): Line => ({ key, count, shown: number(count, language) });
  const kinds = KINDS.map((kind) => {
    const of = got.items.find((i) => i.kind === kind);
    return line(kind, (of?.new ?? 0) + (of?.known ?? 0));
  });
  return [
    line('safe', got.safe),
    line('answers', got.answers),
    ...kinds,
    line('files', got.files),
    line('waits', got.waits),
    line('aside', got.aside),
  ].filter((l) => l.count > 0);
}
