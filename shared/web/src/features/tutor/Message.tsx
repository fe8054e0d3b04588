import { Bird, BookOpen, CircleHelp, Cloud, Cpu, Hourglass, type LucideIcon, ShieldPlus } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { AnswerKind, TutorMessage } from '../../api/types';
import { moment } from '../../i18n/format';
import { Badge, type Tone } from '../../ui/Badge';

const SOURCES: Record<AnswerKind, { icon: LucideIcon; tone: Tone }> = {
  lesson_passages: { icon: BookOpen, tone: 'brand' },
  local_model: { icon: Cpu, tone: 'brand' },
  cloud_model: { icon: Cloud, tone: 'brand' },
  none: { icon: CircleHelp, tone: 'sun' },
  safety: { icon: ShieldPlus, tone: 'sun' },
};

/** One turn of the talk: the learner's at the right, the Bird's at the left with its source. */
export function Message({ message, waiting }: { message: TutorMessage; waiting: boolean }) {
  const { t, i18n } = useTranslation();
  const time = moment(message.timestamp, i18n.language);
  if (message.role === 'user') {
    return (
      <div className="ml-auto w-fit max-w-[85%] rounded-card rounded-br-md bg-brand px-4 py-3 text-on-brand">
        <span className="sr-only">{t('tutor.you')}</span>
        <p className="whitespace-pre-wrap">{message.content}</p>
        <p className="mt-1 text-right text-xs">{time}</p>
      </div>
    );
  }
  const source = message.source && SOURCES[message.source.kind];
  return (
    <div className="flex gap-3">
      <span className="grid size-10 shrink-0 place-items-center rounded-full bg-sun text-[#3d2b00]">
        <Bird aria-hidden="true" className="size-6" />
      </span>
      <div className="min-w-0 max-w-[88%] space-y-3 rounded-card rounded-tl-md border border-line bg-surface px-4 py-3 shadow-card">
        <p className="whitespace-pre-wrap">
          <span className="sr-only">{t('tutor.bird')} </span>
          {message.content}
        </p>
        {source && message.source && (
          <Badge tone={source.tone} icon={source.icon}>
            {t(`tutor.source_${message.source.kind}`)}
          </Badge>
        )}
        <Passages message={message} />
        {message.better && <p className="text-sm text-muted">{t('tutor.better')}</p>}
        {waiting && (
          <p className="flex items-center gap-2 text-sm text-muted">
            <Hourglass aria-hidden="true" className="size-4 shrink-0" />
            {t('tutor.pending')}
          </p>
        )}
        <p className="text-xs text-muted">{time}</p>
      </div>
    </div>
  );
}

function Passages({ message }: { message: TutorMessage }) {
  const { t } = useTranslation();
  const passages = message.source?.passages ?? [];
  if (passages.length === 0) return null;
  return (
    <div>
      <p className="text-sm font-semibold">{t('tutor.read_more')}</p>
      <ul>
        {passages.map((p) => (
          <li key={`${p.link} ${p.heading}`}>
            <Link
              to={p.link}
              className="inline-flex min-h-tap items-center text-brand underline underline-offset-2"
            >
              {p.lesson_title}
              {p.heading && p.heading !== p.lesson_title ? `: ${p.heading}` : ''}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}
