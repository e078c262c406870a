/**
 * What is said of a counter that the shown power of its own device contradicts; the kernel says the same.
 */
import type { Words } from '../words';
import type { IPowerMismatch } from './energy';

const OLD =
  /The board's shown power came( lately)? to (\d+)% (more|less) than its counter; the interval reaches both/;

/** A clause without a full stop. */
export function mismatchText(
  { trans }: Words,
  { ratio, recent }: IPowerMismatch
): string {
  const percent = `${(100 * Math.abs(ratio)).toFixed(0)}%`;
  if (ratio > 0) {
    return recent
      ? trans.__(
          "The board's shown power came lately to %1 more than its counter; the interval reaches both",
          percent
        )
      : trans.__(
          "The board's shown power came to %1 more than its counter; the interval reaches both",
          percent
        );
  }
  return recent
    ? trans.__(
        "The board's shown power came lately to %1 less than its counter; the interval reaches both",
        percent
      )
    : trans.__(
        "The board's shown power came to %1 less than its counter; the interval reaches both",
        percent
      );
}

/** What the note of a component tells that was saved before there was a field for it. */
export function oldMismatch(
  note: string | null | undefined
): IPowerMismatch | null {
  const found = OLD.exec(note ?? '');
  if (found === null) {
    return null;
  }
  const ratio = Number(found[2]) / 100;
  return {
    ratio: found[3] === 'more' ? ratio : -ratio,
    recent: found[1] !== undefined
  };
}
