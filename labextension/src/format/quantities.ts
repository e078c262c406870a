/**
 * Formatting of quantities, by the same rules as in the kernel's records.
 *
 * ± is the half-width of the 95 % interval: one significant digit, two where the first is 1; the value ends on the
 * same digit. A block or column has one unit (`units.ts`). A missing value is "–", never 0. Bounds are rounded
 * outwards.
 */
import {
  ABSENT,
  MINUS,
  uncertaintyDecimals,
  fixed,
  isKnown,
  leadingDigit,
  decimalsFor,
  significant,
  type Rounding
} from './decimal';
import {
  JOULES,
  largestStep,
  unit,
  unitFor,
  type IUnit,
  type Step,
  type UnitChoice
} from './units';

export { ABSENT, fixed, isKnown, significant } from './decimal';
export { unitFor, unitOfColumn, type IUnit, type UnitChoice } from './units';

/** Narrow no-break space: before units and %, after ±. */
export const THIN = '\u202f';

/** A formatted energy: value, ± (null where it is not known), unit. */
export interface IAmount {
  value: string;
  uncertainty: string | null;
  unit: IUnit;
  decimals: number;
}

const GRAMS: readonly Step[] = [
  ['µg', 1e-6],
  ['mg', 1e-3],
  ['g', 1],
  ['kg', 1e3],
  ['t', 1e6]
];
const SYMBOLS: Readonly<Record<string, string>> = {
  EUR: '€',
  USD: '$',
  GBP: '£',
  JPY: '¥'
};

/**
 * Format joules with their ±; without an uncertainty they get two significant digits.
 *
 * `fixedUnit` is used where given. Otherwise the unit follows the rounded value, so that 999.96 J is never "1,000.0
 * J".
 */
export function energy(
  joules: number | null,
  uncertainty: number | null = null,
  fixedUnit: IUnit | null = null,
  choice: UnitChoice = 'auto'
): IAmount {
  if (!isKnown(joules)) {
    return {
      value: ABSENT,
      uncertainty: null,
      unit: fixedUnit ?? unitFor([], choice),
      decimals: 0
    };
  }
  const halfWidth = isKnown(uncertainty) ? uncertainty : null;
  const formatIn = (chosen: IUnit): IAmount => {
    const value = joules / chosen.joules;
    const scaledHalfWidth =
      halfWidth === null ? null : halfWidth / chosen.joules;
    const decimals = scaledHalfWidth
      ? uncertaintyDecimals(scaledHalfWidth)
      : decimalsFor(value, scaledHalfWidth === 0 ? 3 : 2);
    return {
      value: fixed(value, decimals),
      uncertainty:
        scaledHalfWidth === null ? null : fixed(scaledHalfWidth, decimals),
      unit: chosen,
      decimals
    };
  };
  const first = formatIn(fixedUnit ?? unitFor([joules, halfWidth], choice));
  if (
    fixedUnit ||
    choice !== 'auto' ||
    !first.value.replace(MINUS, '').startsWith('1,000')
  ) {
    return first;
  }
  const next = JOULES.findIndex(step => step[0] === first.unit.symbol) + 1;
  return next < JOULES.length ? formatIn(unit(JOULES[next])) : first;
}

/** The value with its unit. */
export function withUnit(amount: IAmount): string {
  return amount.value === ABSENT
    ? ABSENT
    : `${amount.value}${THIN}${amount.unit.symbol}`;
}

/** Format a part of a block with the block's decimals, or with one significant digit where it would round to 0. */
export function inBlock(joules: number, block: IAmount): string {
  return fixedOrOwn(joules / block.unit.joules, block.decimals);
}

/** Format with a column's decimals, or with one significant digit where it would round to 0. */
function fixedOrOwn(value: number, decimals: number): string {
  return value !== 0 && leadingDigit(value, decimals) === '0'
    ? significant(value, 1)
    : fixed(value, decimals);
}

/** Whether rounding changes a value by more than `share` of it. */
export function roundingExceeds(
  value: number,
  decimals: number,
  share: number
): boolean {
  const step = 10 ** -decimals;
  return Math.abs(Math.round(value / step) * step - value) > share * value;
}

/** Format an upper bound: rounded up to one significant digit, two where the first is 1; without unit. */
export function upperBound(value: number): string {
  const two = significant(value, 2, 'ceiling');
  return two.replace(/^[0.]+/, '').startsWith('1')
    ? two
    : significant(value, 1, 'ceiling');
}

/** Format a lower bound: rounded down to two significant digits; without unit. */
export function lowerBound(value: number): string {
  return significant(value, 2, 'floor');
}

/** Format a power in watts, two significant digits. */
export function watts(value: number | null): string {
  return isKnown(value) ? `${significant(value)}${THIN}W` : ABSENT;
}

/** Round half to even, as Python does. */
function roundHalfEven(value: number): number {
  const whole = Math.round(value);
  return whole - value === 0.5 && whole % 2 !== 0 ? whole - 1 : whole;
}

/** Format a duration: 0.4 ms, 21 ms, 1.83 s, 5.5 s, 28 s, 2 min 5 s, 1 h 4 min. */
export function seconds(value: number | null): string {
  if (!isKnown(value) || value < 0) {
    return ABSENT;
  }
  if (value < 0.9995) {
    const fine = value >= 1e-4 || value === 0;
    const scaled = fine ? value * 1e3 : value * 1e6;
    const whole = scaled >= 9.95 || scaled === 0;
    return `${fixed(scaled, whole ? 0 : 1)}${THIN}${fine ? 'ms' : 'µs'}`;
  }
  if (value < 119.5) {
    return `${fixed(value, value < 1.995 ? 2 : value < 9.95 ? 1 : 0)}${THIN}s`;
  }
  const [size, large, small] =
    value < 3599.5
      ? [roundHalfEven(value), 'min', 's']
      : [roundHalfEven(value / 60), 'h', 'min'];
  const remainder = size % 60;
  const whole = `${fixed(Math.floor(size / 60), 0)}${THIN}${large}`;
  return remainder ? `${whole} ${remainder}${THIN}${small}` : whole;
}

/** Number of runs that a CO2e or cost figure is stated for, so that it is large enough to write. */
export type Times = 1 | 1000 | 1000000;

/** Format grams of CO2e: value, unit, and number of runs. */
export function carbon(
  grams: number | null,
  rounding: Rounding = 'nearest'
): readonly [string, string, Times] {
  if (!isKnown(grams)) {
    return [ABSENT, '', 1];
  }
  const times = grams !== 0 && Math.abs(grams) < 1e-7 ? 1000000 : 1;
  const mass = grams * times;
  // The larger unit is used from a tenth of it on: 0.19 mg reads better than 190 µg beside figures in mg.
  const [symbol, size] = largestStep(GRAMS, mass === 0 ? 1 : 10 * mass);
  return [significant(mass / size, 2, rounding), symbol, times];
}

/** Format a cost with its currency, and the number of runs; never "0.00" for a positive cost. */
export function money(
  amount: number | null,
  currency: string | null,
  rounding: Rounding = 'nearest'
): readonly [string, Times] {
  if (!isKnown(amount)) {
    return [ABSENT, 1];
  }
  for (const times of [1, 1000, 1000000] as const) {
    if (amount === 0 || Math.abs(amount) * times >= 0.095) {
      return [
        withCurrency(fixed(amount * times, 2, rounding), currency),
        times
      ];
    }
  }
  return [`<${THIN}${withCurrency('0.10', currency)}`, 1000000];
}

function withCurrency(figure: string, currency: string | null): string {
  const symbol = SYMBOLS[currency ?? ''];
  if (symbol === undefined) {
    return currency ? `${figure}${THIN}${currency}` : figure;
  }
  return figure.startsWith(MINUS)
    ? MINUS + symbol + figure.slice(1)
    : symbol + figure;
}

/** Format a share (1 = 100 %) as an integer percentage, never rounded up to 100 or down to 0. */
export function wholePercent(share: number | null): string {
  if (!isKnown(share)) {
    return ABSENT;
  }
  if (share >= 0.995 && share < 1) {
    return `>${THIN}99${THIN}%`;
  }
  return share > 0 && share < 0.005
    ? `<${THIN}1${THIN}%`
    : `${fixed(share * 100, 0)}${THIN}%`;
}

/** Format a share like an uncertainty: one significant digit, two where the first is 1. */
export function roughPercent(share: number | null): string {
  return isKnown(share)
    ? `${fixed(share * 100, uncertaintyDecimals(Math.abs(share * 100)))}${THIN}%`
    : ABSENT;
}

/** The relative uncertainty of a quantity derived from joules, such as CO2e or cost; empty where not known. */
export function relativeUncertainty({
  joules,
  uncertainty
}: {
  joules: number | null;
  uncertainty: number | null;
}): string {
  return isKnown(joules) && joules > 0 && isKnown(uncertainty)
    ? ` ±${THIN}${roughPercent(uncertainty / joules)}`
    : '';
}

/** Format a significant change with its sign: "−38 %", "+27 %", "+0.4 %", "+1,200 %". */
export function percentChange(ratio: number): string {
  return `${ratio < 0 ? MINUS : '+'}${percentDigits(ratio)}${THIN}%`;
}

/** The digits of a change in percent: 0.384 is "38". */
export function percentDigits(ratio: number): string {
  const size = Math.abs(ratio * 100);
  if (size < 0.95) {
    return significant(size, 1);
  }
  if (size >= 100) {
    return significant(size, 2);
  }
  // A saving of less than everything is never written as 100 %.
  return size >= 99 ? '99' : fixed(size, 0);
}
