/**
 * Times and dates in the user's time zone.
 *
 * Times on the wire are seconds since 1970 by the kernel's clock; only "today" uses the browser's.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** 14:02, or 14:05:31 with seconds. */
export function timeOfDay(at: number, seconds = false): string {
  const date = new Date(at * 1000);
  if (Number.isNaN(date.getTime())) {
    return '–';
  }
  const time = `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
  return seconds ? `${time}:${twoDigits(date.getSeconds())}` : time;
}

/** "today 13:40", "yesterday 17:20", "Tue 10:05" within a week, else "2026-11-21 10:05". */
export function dayAndTime(
  at: number,
  now: number,
  trans: TranslationBundle
): string {
  const date = new Date(at * 1000);
  if (Number.isNaN(date.getTime())) {
    return '–';
  }
  const time = timeOfDay(at);
  const days = Math.round(
    (midnight(new Date(now * 1000)) - midnight(date)) / 86400000
  );
  if (days === 0) {
    return trans.__('today %1', time);
  }
  if (days === 1) {
    return trans.__('yesterday %1', time);
  }
  if (days > 1 && days < 7) {
    const names = [
      trans.__('Sun'),
      trans.__('Mon'),
      trans.__('Tue'),
      trans.__('Wed'),
      trans.__('Thu'),
      trans.__('Fri'),
      trans.__('Sat')
    ];
    return `${names[date.getDay()]} ${time}`;
  }
  return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())} ${time}`;
}

/** The date of a moment in milliseconds, as a key. */
export const dateOf = (at: number): string => new Date(at).toDateString();

/** The next midnight after a moment, both in milliseconds. */
export const nextDay = (at: number): number => midnight(new Date(at), 1);

function midnight(date: Date, days = 0): number {
  return new Date(
    date.getFullYear(),
    date.getMonth(),
    date.getDate() + days
  ).getTime();
}
