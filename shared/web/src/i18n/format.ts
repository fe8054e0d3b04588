/** Numbers, money and times through Intl, in the language of the page and the time of the device. */

const locale = (language: string) => (language === 'sw' ? 'sw-KE' : 'en-KE');

/** An amount in major units, as it is on the wire. Whole amounts show no cents. */
export function money(amount: number, currency: string, language: string): string {
  return new Intl.NumberFormat(locale(language), {
    style: 'currency',
    currency,
    minimumFractionDigits: Number.isInteger(amount) ? 0 : 2,
    maximumFractionDigits: 2,
  }).format(amount);
}

export function number(value: number, language: string, digits = 0): string {
  return new Intl.NumberFormat(locale(language), { maximumFractionDigits: digits }).format(value);
}

/** "10:42" today, "20 Nov, 10:42" on another day. */
export function moment(iso: string, language: string, now: Date = new Date()): string {
  const at = new Date(iso);
  const time: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hour12: false };
  if (at.toDateString() === now.toDateString()) {
    return new Intl.DateTimeFormat(locale(language), time).format(at);
  }
  const year = at.getFullYear() === now.getFullYear() ? undefined : 'numeric';
  return new Intl.DateTimeFormat(locale(language), { day: 'numeric', month: 'short', year, ...time }).format(
    at,
  );
}

/** "Tuesday" within the last six days, else "20 November". */
export function since(iso: string, language: string, now: Date = new Date()): string {
  const at = new Date(iso);
  const near = now.getTime() - at.getTime() < 6 * 86_400_000;
  const words: Intl.DateTimeFormatOptions = near ? { weekday: 'long' } : { day: 'numeric', month: 'long' };
  return new Intl.DateTimeFormat(locale(language), words).format(at);
}

export function day(iso: string, language: string): string {
  return new Intl.DateTimeFormat(locale(language), { day: 'numeric', month: 'long', year: 'numeric' }).format(
    new Date(iso),
  );
}

/** "26 November 2026 at 10:42", whatever day it is: for what is printed and kept. */
export function stamp(iso: string, language: string): string {
  return new Intl.DateTimeFormat(locale(language), {
    dateStyle: 'long',
    timeStyle: 'short',
    hour12: false,
  }).format(new Date(iso));
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** "2 days ago"; the last minute is "now". */
export function ago(iso: string, language: string, now: Date = new Date()): string {
  const seconds = (new Date(iso).getTime() - now.getTime()) / 1000;
  const words = new Intl.RelativeTimeFormat(locale(language), { numeric: 'auto' });
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return words.format(Math.trunc(seconds / size), unit);
  }
  return words.format(0, 'second');
}
