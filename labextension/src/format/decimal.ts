/**
 * Decimal rounding: a number is rounded as it is written, so that 1.005 becomes 1.01.
 *
 * JavaScript's `toFixed` rounds the binary value (1.00), Python's decimal rounds the written one. Page and records
 * must show the same digits; both are tested against `__tests__/figures.ts`.
 */

export type Rounding = 'nearest' | 'ceiling' | 'floor';

export const MINUS = '−';
export const ABSENT = '–';

const MAX_DECIMALS = 12;

/** Whether a value is a finite number. */
export function isKnown(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** A finite number as integer coefficient and number of decimals, exactly as it is written. */
function decimalParts(value: number): { coefficient: bigint; scale: number } {
  const [mantissa, exponent] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  return {
    coefficient: BigInt(digits),
    scale: digits.length - 1 - Number(exponent)
  };
}

/** The absolute value in units of 10^-decimals, rounded. */
function roundedUnits(
  value: number,
  decimals: number,
  rounding: Rounding
): bigint {
  const { coefficient, scale } = decimalParts(value);
  if (decimals >= scale) {
    return coefficient * 10n ** BigInt(decimals - scale);
  }
  const step = 10n ** BigInt(scale - decimals);
  const whole = coefficient / step;
  const remainder = coefficient % step;
  const roundUp =
    rounding === 'nearest'
      ? 2n * remainder >= step
      : remainder > 0n && (rounding === 'ceiling') === value > 0;
  return roundUp ? whole + 1n : whole;
}

/** Write `value` with so many decimals (negative: rounded to tens, hundreds), thousands separators and a true minus. */
export function fixed(
  value: number,
  decimals: number,
  rounding: Rounding = 'nearest'
): string {
  if (!Number.isFinite(value)) {
    return ABSENT;
  }
  const magnitude = Math.abs(value);
  if (magnitude >= 1e15 || (magnitude > 0 && magnitude < 10 ** -MAX_DECIMALS)) {
    return value
      .toExponential(1)
      .replace('.0e', 'e')
      .replace('e+', 'e')
      .replace(/-/g, MINUS);
  }
  const places = Math.min(decimals, MAX_DECIMALS);
  let integer = value === 0 ? 0n : roundedUnits(value, places, rounding);
  if (places < 0) {
    integer *= 10n ** BigInt(-places);
  }
  const digits = integer.toString().padStart(Math.max(places, 0) + 1, '0');
  const split = digits.length - Math.max(places, 0);
  const whole = digits.slice(0, split).replace(/\B(?=(\d{3})+$)/g, ',');
  const sign = value < 0 && integer !== 0n ? MINUS : '';
  return sign + whole + (places > 0 ? `.${digits.slice(split)}` : '');
}

/**
 * Number of decimals for so many significant digits. 9.96 with two digits becomes "10", unless `keepCarry` ("10.0").
 */
export function decimalsFor(
  value: number,
  digits: number,
  rounding: Rounding = 'nearest',
  keepCarry = false
): number {
  if (!Number.isFinite(value) || value === 0) {
    return 0;
  }
  const exponent = Number(Math.abs(value).toExponential().split('e')[1]);
  let decimals = digits - 1 - exponent;
  if (!keepCarry) {
    decimals -=
      roundedUnits(Math.abs(value), decimals, rounding).toString().length -
      digits;
  }
  return Math.min(decimals, MAX_DECIMALS);
}

/** Write `value` with so many significant digits. */
export function significant(
  value: number,
  digits = 2,
  rounding: Rounding = 'nearest'
): string {
  return fixed(value, decimalsFor(value, digits, rounding), rounding);
}

/** The first non-zero digit of `value` as it is written; '0' where it rounds to 0. */
export function leadingDigit(value: number, decimals: number): string {
  return fixed(Math.abs(value), decimals).match(/[1-9]/)?.[0] ?? '0';
}

/** Number of decimals of an uncertainty: one significant digit, two where the first is 1. */
export function uncertaintyDecimals(uncertainty: number): number {
  if (!isKnown(uncertainty) || uncertainty === 0) {
    return 0;
  }
  const decimals = decimalsFor(uncertainty, 2);
  return leadingDigit(uncertainty, decimals) === '1'
    ? decimals
    : decimalsFor(uncertainty, 1, 'nearest', true);
}
