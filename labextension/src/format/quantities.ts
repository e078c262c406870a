/**
 * How quantities are written: one set of rules for rows, headings and tooltips, the same as in the records.
 *
 * ± is the half-width of the 95 % interval: one significant digit, two where the first is 1; the value ends on
 * the same digit. A block or column keeps one unit (`unit.ts`). Absent is "–", never 0, and a bound is rounded
 * away from the doubt.
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

/** An energy as written: value, ± (null where it is not known) and unit. */
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
 * Write joules with their ±; without one they get two significant digits.
 *
 * A `given` unit is kept. Without it the unit follows the value as it is written, so that 999.96 J is never
 * "1,000.0 J".
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

/** Write a part of a block at the block's digit, or with a digit of its own where it would vanish there. */
export function inBlock(joules: number, block: IAmount): string {
  return fixedOrOwn(joules / block.unit.joules, block.decimals);
}

/** Write `value` at a column's digit, or with one digit of its own where it would vanish there. */
function fixedOrOwn(value: number, decimals: number): string {
  return value !== 0 && leadingDigit(value, decimals) === '0'
    ? significant(value, 1)
    : fixed(value, decimals);
}

/** Whether a digit bends a value by more than a share of it. */
export function roundingExceeds(
  value: number,
  decimals: number,
  share: number
): boolean {
  const step = 10 ** -decimals;
  return Math.abs(Math.round(value / step) * step - value) > share * value;
}

/** An upper bound rounded up to one significant digit, two where the first is 1; without its unit. */
export function upperBound(value: number): string {
  const two = significant(value, 2, 'ceiling');
  return two.replace(/^[0.]+/, '').startsWith('1')
    ? two
    : significant(value, 1, 'ceiling');
}

/** A lower bound, rounded down to two significant digits; without its unit. */
export function lowerBound(value: number): string {
  return significant(value, 2, 'floor');
}

/** Write a power in watts, two significant digits. */
export function watts(value: number | null): string {
  return isKnown(value) ? `${significant(value)}${THIN}W` : ABSENT;
}

/** The nearest whole number, the even one of two as near: as Python rounds. */
function roundHalfEven(value: number): number {
  const whole = Math.round(value);
  return whole - value === 0.5 && whole % 2 !== 0 ? whole - 1 : whole;
}

/** Write a duration: 0.4 ms, 21 ms, 1.83 s, 5.5 s, 28 s, 2 min 5 s, 1 h 4 min. */
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

/** How often something has to run until its CO2e or cost is large enough to write. */
export type Times = 1 | 1000 | 1000000;

/** Grams of CO2e: figure, unit, and for how many runs. */
export function carbon(
  grams: number | null,
  rounding: Rounding = 'nearest'
): readonly [string, string, Times] {
  if (!isKnown(grams)) {
    return [ABSENT, '', 1];
  }
  const times = grams !== 0 && Math.abs(grams) < 1e-7 ? 1000000 : 1;
  const mass = grams * times;
  // From a tenth of a unit on: 0.19 mg reads better than 190 µg beside figures in mg.
  const [symbol, size] = largestStep(GRAMS, mass === 0 ? 1 : 10 * mass);
  return [significant(mass / size, 2, rounding), symbol, times];
}

/** A cost with its currency, and for how many runs: never "0.00" for what costs something. */
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

/** Write a share (1 = 100 %) as a whole number of per cent, never rounded up to 100 or down to 0. */
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

/** Write a share by the rule of ±: one significant digit, two where the first is 1. */
export function roughPercent(share: number | null): string {
  return isKnown(share)
    ? `${fixed(share * 100, uncertaintyDecimals(Math.abs(share * 100)))}${THIN}%`
    : ABSENT;
}

/** The ± of what follows from joules, such as CO2e or a cost, as a share of it: it is as unsure as they are. */
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

/** Write a proven change with its sign: "−38 %", "+27 %", "+0.4 %", "+1,200 %". */
export function percentChange(ratio: number): string {
  const percent = ratio * 100;
  const size = Math.abs(percent);
  const sign = percent < 0 ? MINUS : '+';
  let digits = fixed(size, 0);
  if (size < 0.95) {
    digits = significant(size, 1);
  } else if (size >= 100) {
    digits = significant(size, 2);
  } else if (size >= 99) {
    digits = '99'; // less than all of it stays less than 100
  }
  return `${sign}${digits}${THIN}%`;
}
