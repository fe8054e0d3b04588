import { Cloud, CloudOff, LoaderCircle, RefreshCw, School } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { moment, number } from '../i18n/format';
import { useConnection } from '../offline/connection';
import { type Sentence, sentence } from '../offline/sentence';
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
