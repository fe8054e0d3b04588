import { useEffect } from 'react';
import { client, outbox } from '../../api';
import { newId } from '../../offline/id';
import { type Stopwatch, useStopwatch } from './useStopwatch';

/** Shorter looks are not worth a record. */
const WORTH_SECONDS = 15;

/** Tells the server that the lesson was opened, and on leaving how long it was worked on. */
export function useLessonTime(user: string, path: string, enrolled: boolean): Stopwatch {
  const watch = useStopwatch();

  useEffect(() => {
    if (!enrolled) return;
    // Opening is a courtesy to the teacher's list: lost with the connection, it is no lost work.
    void client.call(`${path}/open`, { method: 'POST' }).catch(() => undefined);

    const report = () => {
      const seconds = watch.takeSeconds();
      if (seconds < WORTH_SECONDS) return;
      const id = newId();
      const body = { seconds, activity_id: id };
      void outbox
        .add({ id, user, kind: 'time', title: '', path: `${path}/time`, body })
        .catch(() => undefined);
    };
    window.addEventListener('pagehide', report);
    return () => {
      window.removeEventListener('pagehide', report);
      report();
    };
  }, [user, path, enrolled, watch]);

  return watch;
}
