import { dayAndTime, timeOfDay } from '../format/time';
import { trans } from './sample';

const at = (text: string): number => new Date(text).getTime() / 1000;
const now = at('2026-11-25T09:00:00');
const timeText = (text: string): string => dayAndTime(at(text), now, trans);

describe('times', () => {
  it('are in the user’s time zone', () => {
    expect(timeOfDay(at('2026-11-25T14:05:31'))).toBe('14:05');
    expect(timeOfDay(at('2026-11-25T04:05:31'), true)).toBe('04:05:31');
  });

  it.each([
    ['2026-11-25T00:00:10', 'today 00:00'],
    ['2026-11-24T23:59:50', 'yesterday 23:59'],
    ['2026-11-20T10:05:00', 'Fri 10:05'],
    ['2026-11-18T10:05:00', '2026-11-18 10:05'],
    ['2026-11-26T10:05:00', '2026-11-26 10:05']
  ])('%s', (text, expected) => {
    expect(timeText(text)).toBe(expected);
  });

  it('that are invalid are shown as missing', () => {
    expect(timeOfDay(1e300)).toBe('–');
    expect(dayAndTime(NaN, now, trans)).toBe('–');
  });
});
