/**
 * Linear scales, and round tick values for an axis.
 */

export type Scale = (value: number) => number;

/** A linear scale; a domain of zero width maps to the start of the range. */
export function linear(
  domain: readonly [number, number],
  range: readonly [number, number]
): Scale {
  const width = domain[1] - domain[0];
  const slope = width === 0 ? 0 : (range[1] - range[0]) / width;
  return value => range[0] + (value - domain[0]) * slope;
}

/** Round a coordinate to tenths of a pixel, to keep paths short. */
export function px(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Round tick values from 0 to `largest`, about `count` steps of 1, 2 or 5 times a power of ten. */
export function ticks(largest: number, count = 4): number[] {
  if (!(largest > 0) || !Number.isFinite(largest)) {
    return [0];
  }
  const rough = largest / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step =
    ([1, 2, 5, 10].find(factor => factor * power >= rough) ?? 10) * power;
  const steps = Math.floor(largest / step + 1e-9);
  return Array.from({ length: steps + 1 }, (_, n) =>
    Number((n * step).toPrecision(12))
  );
}
