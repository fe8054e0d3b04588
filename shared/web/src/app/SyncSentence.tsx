import { Cloud, CloudOff, LoaderCircle, RefreshCw, School, TriangleAlert } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useSession } from '../features/identity/session';
import { ago, moment, number, since } from '../i18n/format';
import { useConnection } from '../offline/connection';
import { type Advice, advice, type Sentence, sentence } from '../offline/sentence';
import { useUnsent } from '../offline/useUnsent';

const ICONS = { cloud: Cloud, box: School, sending: RefreshCw, offline: CloudOff, checking: LoaderCircle };

const TONES: Record<Sentence['tone'], string> = {
  quiet: 'bg-brand-soft text-ink',
  busy: 'bg-sun-soft text-sun-ink',
  away: 'bg-bad-soft text-bad',
};

/** Always visible: where the work is. A second line appears while this device itself holds work back. */
export function SyncSentence() {
  const { t, i18n } = useTranslation();
  const { reachable, status } = useConnection();
  const unsent = useUnsent();
  const said = sentence({ reachable, status });
  const role = useSession((s) => s.me?.role);
  const todo = advice({ reachable, status }, role);
  const Icon = ICONS[said.icon];

  return (
    <div className={`text-sm ${TONES[said.tone]}`}>
      <div className="mx-auto flex max-w-6xl flex-wrap items-center gap-x-4 px-4">
        <p role="status" className="flex items-center gap-2 py-1.5 font-medium">
          <Icon aria-hidden="true" className="size-4 shrink-0" />
          <span>
            {t(said.key, {
              count: said.count,
              shown: said.count === undefined ? '' : number(said.count, i18n.language),
              time: said.at ? moment(said.at, i18n.language) : '',
            })}
          </span>
        </p>
        {todo && <ToDo advice={todo} />}
        {unsent.length > 0 && (
          <Link
            to="/unsent"
            className="inline-flex min-h-tap items-center font-semibold underline underline-offset-2"
          >
            {t('unsent.line', { count: unsent.length })}
          </Link>
        )}
      </div>
    </div>
  );
}

/** What a grown-up should do about the box, in one sentence. */
function ToDo({ advice }: { advice: Advice }) {
  const { t, i18n } = useTranslation();
  const when = advice.said === 'since' ? since : ago;
  const gaps = {
    count: advice.count,
    shown: advice.count === undefined ? '' : number(advice.count, i18n.language),
    since: advice.at ? when(advice.at, i18n.language) : '',
  };
  return (
    <p className={`flex items-start gap-2 py-1.5 ${advice.urgent ? 'font-semibold' : ''}`}>
      {advice.urgent && <TriangleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0" />}
      <span className="flex min-w-0 flex-wrap items-center gap-x-2">
        <span>
          {t(advice.key, gaps)}
          {advice.more && ` ${t(advice.more, gaps)}`}
        </span>
        {advice.link && (
          <Link
            to={advice.link.to}
            className="inline-flex min-h-tap items-center underline underline-offset-2"
          >
            {t(advice.link.key)}
          </Link>
        )}
      </span>
    </p>
  );
}
