import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Bird, Eye, SendHorizontal } from 'lucide-react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation, useSearchParams } from 'react-router';
import { service } from '../../api';
import type { TutorHistory } from '../../api/types';
import { newId } from '../../offline/id';
import { Button } from '../../ui/Button';
import { Page } from '../../ui/Card';
import { Failure, Loaded } from '../../ui/Loaded';
import { Message } from './Message';

const MAX_LENGTH = 1000;

/** The talk with the Bird. Always labelled as a machine, always with where an answer came from. */
export function Tutor() {
  const { t } = useTranslation();
  const history = useQuery({
    queryKey: ['tutor'],
    queryFn: () => service.get('/ai-tutor/history', { query: { limit: 50 } }),
    // While a better answer is on its way, look for it.
    refetchInterval: (query) => (query.state.data?.messages?.some((m) => m.queued) ? 5_000 : false),
  });

  return (
    <div className="mx-auto max-w-3xl">
      <Page title={t('tutor.title')}>
        <details className="rounded-card border border-line bg-surface p-4">
          <summary className="min-h-6 cursor-pointer font-semibold">{t('tutor.ai')}</summary>
          <ul className="mt-3 list-disc space-y-2 pl-5 text-muted">
            <li>{t('tutor.may_err')}</li>
            <li>{t('tutor.no_names')}</li>
            <li>{t('tutor.who_sees')}</li>
            <li>{t('tutor.danger')}</li>
          </ul>
          <WhoSeesLink />
        </details>
        <Loaded query={history}>{(data) => <Talk history={data} />}</Loaded>
      </Page>
    </div>
  );
}

function Talk({ history }: { history: TutorHistory }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const [params] = useSearchParams();
  const courseId = params.get('course') ?? undefined;
  const [questionId, setQuestionId] = useState(newId);
  const lessonTitle = (useLocation().state as { lesson?: string } | null)?.lesson;
  const [text, setText] = useState('');
  const end = useRef<HTMLDivElement>(null);

  const ask = useMutation({
    mutationFn: (message: string) =>
      service.post('/ai-tutor/chat', {
        // The id is the draft's: a repeated request is the same question.
        body: {
          message,
          question_id: questionId,
          course_id: courseId,
          language: i18n.language === 'sw' ? 'sw' : 'en',
        },
        timeoutMs: 90_000,
      }),
    onSuccess: async () => {
      setText('');
      setQuestionId(newId());
      await queries.invalidateQueries({ queryKey: ['tutor'] });
    },
  });

  const messages = history.messages ?? [];
  const waiting = new Set(messages.filter((m) => m.queued).map((m) => m.question_id));
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new message is what scrolls
  useEffect(() => {
    if (messages.length > 0) end.current?.scrollIntoView({ block: 'end' });
  }, [messages.length, ask.isPending]);

  // Other words are another question.
  const change = (typed: string) => {
    setText(typed);
    if (ask.isError) {
      setQuestionId(newId());
      ask.reset();
    }
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const message = text.trim();
    if (message && !ask.isPending) ask.mutate(message);
  };

  return (
    <div className="space-y-5">
      {messages.length === 0 && !ask.isPending && <Welcome onPick={change} />}
      <ol aria-live="polite" className="space-y-4">
        {messages.map((message) => (
          <li key={`${message.question_id}-${message.role}`}>
            <Message message={message} waiting={waiting.has(message.question_id)} />
          </li>
        ))}
        {ask.isPending && (
          <li className="flex items-center gap-3 text-muted">
            <Bird aria-hidden="true" className="size-6 animate-bounce text-brand" />
            {t('tutor.thinking')}
          </li>
        )}
      </ol>
      {ask.error && <Failure error={ask.error} onRetry={() => ask.mutate(text.trim())} />}
      <form
        onSubmit={submit}
        className="space-y-3 rounded-card border border-line bg-surface p-4 shadow-card"
      >
        <label htmlFor="question" className="block font-semibold">
          {lessonTitle ? t('tutor.ask_about', { lesson: lessonTitle }) : t('tutor.ask')}
        </label>
        <textarea
          id="question"
          rows={3}
          maxLength={MAX_LENGTH}
          value={text}
          onChange={(e) => change(e.target.value)}
          className="w-full rounded-xl border border-edge bg-surface px-3.5 py-2.5 text-base"
        />
        <Button type="submit" wide disabled={ask.isPending || text.trim() === ''}>
          <SendHorizontal aria-hidden="true" className="size-5" />
          {t('tutor.send')}
        </Button>
      </form>
      <div ref={end} className="scroll-mb-28" />
    </div>
  );
}

function WhoSeesLink() {
  const { t } = useTranslation();
  const { pathname, search } = useLocation();
  return (
    <Link
      to="/who-sees"
      state={{ from: pathname + search }}
      className="inline-flex min-h-tap items-center gap-2 font-semibold underline underline-offset-2"
    >
      <Eye aria-hidden="true" className="size-5" />
      {t('who_sees.open')}
    </Link>
  );
}

function Welcome({ onPick }: { onPick: (text: string) => void }) {
  const { t } = useTranslation();
  const examples = ['tutor.example_1', 'tutor.example_2', 'tutor.example_3'].map((key) => t(key));
  return (
    <div className="space-y-4 rounded-card bg-brand-soft p-5">
      <p className="flex items-center gap-3 text-lg font-semibold">
        <Bird aria-hidden="true" className="size-8 text-brand" />
        {t('tutor.welcome')}
      </p>
      <WhoSeesLink />
      <ul className="flex flex-col gap-2">
        {examples.map((example) => (
          <li key={example}>
            <Button look="plain" wide className="justify-start text-left" onClick={() => onPick(example)}>
              {example}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
