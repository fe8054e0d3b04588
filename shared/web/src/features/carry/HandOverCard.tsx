import { FileUp } from 'lucide-react';
import { useCallback, useEffect, useId, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { explain } from '../../api/problem';
import type { HandOver } from '../../api/types';
import { number } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Notice } from '../../ui/Notice';
import { Progress } from '../../ui/Progress';
import { handOver } from './handover';
import { dropFile, keepFile, keptFile } from './kept';
import { Outcome } from './Outcome';

interface Going {
  state: HandOver | null;
  waiting: boolean;
  size: number;
}

/** Choose a file, hand it over, see what came of it. Going on after a reload needs no tap. */
export function HandOverCard({ side }: { side: 'school' | 'cloud' }) {
  const { t } = useTranslation();
  const [going, setGoing] = useState<Going | null>(null);
  const [done, setDone] = useState<HandOver | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const stop = useRef<AbortController | null>(null);

  const start = useCallback(async (file: File) => {
    stop.current?.abort();
    const control = new AbortController();
    stop.current = control;
    setDone(null);
    setFailed(null);
    setGoing({ state: null, waiting: false, size: file.size });
    try {
      const end = await handOver(file, {
        signal: control.signal,
        progress: (state, waiting) => setGoing({ state, waiting, size: file.size }),
      });
      setDone(end);
    } catch (error) {
      if (control.signal.aborted) return;
      setFailed(error);
    }
    setGoing(null);
    void dropFile();
  }, []);

  useEffect(() => {
    let here = true;
    void keptFile().then((file) => {
      if (here && file) void start(file);
    });
    return () => {
      here = false;
      stop.current?.abort();
    };
  }, [start]);

  const choose = async (file: File | undefined) => {
    if (!file) return;
    void keepFile(file);
    await start(file);
  };

  return (
    <Card className="space-y-4">
      <h2 className="text-lg">{t(`carry.${side}_give_title`)}</h2>
      <p>{t(`carry.${side}_give_text`)}</p>
      {going ? <OnTheWay going={going} /> : <Choose again={Boolean(done || failed)} onFile={choose} />}
      {going && (
        <Button
          look="plain"
          onClick={() => {
            stop.current?.abort();
            setGoing(null);
            void dropFile();
          }}
        >
          {t('carry.stop')}
        </Button>
      )}
      {failed !== null && (
        <Notice kind="bad" live>
          {explain(failed, t)}
        </Notice>
      )}
      {done && <Outcome side={side} done={done} />}
    </Card>
  );
}

function Choose({ again, onFile }: { again: boolean; onFile: (file: File | undefined) => void }) {
  const { t } = useTranslation();
  const id = useId();
  return (
    <div>
      <input
        id={id}
        type="file"
        className="peer sr-only"
        onChange={(e) => {
          onFile(e.target.files?.[0]);
          e.target.value = '';
        }}
      />
      <label
        htmlFor={id}
        className={`inline-flex min-h-child w-full cursor-pointer items-center justify-center gap-2 rounded-2xl px-5 py-2.5 text-base font-semibold peer-focus-visible:ring-4 peer-focus-visible:ring-sun ${again ? 'border border-edge bg-surface text-ink' : 'bg-brand text-on-brand'}`}
      >
        <FileUp aria-hidden="true" className="size-5 shrink-0" />
        {t(again ? 'carry.choose_other' : 'carry.choose')}
      </label>
    </div>
  );
}

function OnTheWay({ going: { state, waiting, size } }: { going: Going }) {
  const { t, i18n } = useTranslation();
  const received = state?.received ?? 0;
  const storing = state !== null && received >= size;
  const done = storing ? state.read : received;
  const kb = (bytes: number) => number(Math.ceil(bytes / 1024), i18n.language);
  return (
    <div className="space-y-2">
      <p className="font-medium" role="status">
        {t(waiting ? 'carry.waiting' : storing ? 'carry.storing' : 'carry.sending', {
          school: state?.school_name ?? '',
        })}
      </p>
      <Progress
        done={done}
        total={size}
        label={t('carry.choose')}
        words={t('carry.kb', { done: kb(done), total: kb(size) })}
      />
      {waiting && <p className="text-sm text-muted">{t('carry.waiting_text')}</p>}
    </div>
  );
}
