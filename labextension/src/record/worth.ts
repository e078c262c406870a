/**
 * What the joules of a record are in other words: grams of CO2e and money, where a region and a tariff were set.
 */
import { ABSENT, THIN, carbon, known, money, type Times } from '../format';
import { line } from '../line';
import type { Words } from '../words';
import type { IRecord } from './energy';

type Worth = Pick<IRecord, 'co2e_grams' | 'cost' | 'currency'>;

/** The grams and the money that are known. */
export function worth(words: Words, record: Worth): string[] {
  return [grams(words, record.co2e_grams), price(words, record)].filter(
    each => each !== ''
  );
}

/** "0.19 mg CO₂e"; empty where none is known. */
export function grams(
  words: Words,
  mass: number | null | undefined,
  rounding: 'nearest' | 'ceiling' = 'nearest'
): string {
  const [figure, symbol, times] = carbon(mass ?? null, rounding);
  return figure === ABSENT
    ? ''
    : `${figure}${THIN}${symbol} CO₂e${often(words, times)}`;
}

function price(words: Words, { cost, currency }: Worth): string {
  if (!known(cost)) {
    return '';
  }
  const [figure, times] = money(cost, line(currency ?? '', 8));
  const least = `<${THIN}`;
  return figure.startsWith(least)
    ? words.trans.__('less than %1', figure.slice(2)) + often(words, times)
    : figure + often(words, times);
}

/** For how many runs a figure stands, behind it. */
export function often({ trans }: Words, times: Times): string {
  return {
    1: '',
    1000: ` ${trans.__('per 1,000 runs')}`,
    1000000: ` ${trans.__('per million runs')}`
  }[times];
}
