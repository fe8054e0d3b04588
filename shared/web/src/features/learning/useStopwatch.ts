import { useEffect, useRef } from 'react';

export interface Stopwatch {
  /** Whole minutes since the last take; what is left over stays on the watch. */
  takeMinutes(): number;
  /** All seconds since the last take. */
  takeSeconds(): number;
}

/** Measures how long this page was in front of the learner: hidden tabs and locked phones do not count. */
export function useStopwatch(): Stopwatch {
  const watch = useRef<Watch | null>(null);
  watch.current ??= new Watch();

  useEffect(() => {
    const look = () => watch.current?.look();
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);

  return watch.current;
}

class Watch implements Stopwatch {
  private seen = 0;
  private since: number | null = null;

  look(): void {
    const now = performance.now();
    if (this.since !== null) this.seen += now - this.since;
    this.since = document.hidden ? null : now;
  }

  takeMinutes(): number {
    this.look();
    const minutes = Math.floor(this.seen / 60_000);
    this.seen -= minutes * 60_000;
    return minutes;
  }

  takeSeconds(): number {
    this.look();
    const seconds = Math.floor(this.seen / 1000);
    this.seen = 0;
    return seconds;
  }
}
