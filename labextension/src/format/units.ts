/**
 * Units of energy: one per block or column, from its largest figure and the user's choice.
 *
 * The chosen unit is the largest one used. Small values get a smaller unit of the same family: a cell of 12 J is 3.4
 * mWh, not 0.0034 Wh.
 */
import { isKnown, decimalsFor } from './decimal';
import type { ISettings } from '../tokens';

export type UnitChoice = ISettings['unit'];

/** A unit of energy: symbol, and joules per unit. */
export interface IUnit {
  symbol: string;
  joules: number;
}

export type Step = readonly [string, number];

export const JOULES: readonly Step[] = [
  ['nJ', 1e-9],
  ['µJ', 1e-6],
  ['mJ', 1e-3],
  ['J', 1],
  ['kJ', 1e3],
  ['MJ', 1e6]
];
const WATT_HOURS: readonly Step[] = [
  ['nWh', 3.6e-6],
  ['µWh', 3.6e-3],
  ['mWh', 3.6],
  ['Wh', 3.6e3],
  ['kWh', 3.6e6],
  ['MWh', 3.6e9]
];
const MAX_COLUMN_DECIMALS = 3;

export const unit = ([symbol, joules]: Step): IUnit => ({ symbol, joules });

const JOULE: IUnit = unit(JOULES[3]);

/** The units allowed by a choice, ascending. */
function unitSteps(choice: UnitChoice): readonly Step[] {
  switch (choice) {
    case 'J':
      return JOULES.slice(0, 4);
    case 'Wh':
      return WATT_HOURS.slice(0, 4);
    case 'kWh':
      return WATT_HOURS.slice(0, 5);
    default:
      return JOULES;
  }
}

/** The largest unit that is not larger than `value`; the smallest where all are. */
export function largestStep(steps: readonly Step[], value: number): Step {
  return (
    [...steps].reverse().find(step => Math.abs(value) >= step[1]) ?? steps[0]
  );
}

function largestOf(values: Iterable<number | null>): number {
  let largest = 0;
  for (const value of values) {
    if (isKnown(value)) {
      largest = Math.max(largest, Math.abs(value));
    }
  }
  return largest;
}

/** The unit of a block, from its largest value in joules. */
export function unitFor(
  values: Iterable<number | null>,
  choice: UnitChoice = 'auto'
): IUnit {
  const steps = unitSteps(choice);
  const largest = largestOf(values);
  if (choice === 'auto') {
    return largest === 0 || (largest >= 0.01 && largest < 1000)
      ? JOULE
      : unit(largestStep(steps, largest));
  }
  // The chosen unit is used from a hundredth of it on.
  const top = steps[steps.length - 1];
  return unit(largest === 0 ? top : largestStep(steps, 100 * largest));
}

/**
 * The unit of a column of joules and their ±.
 *
 * The largest value decides, but where a row would need more than three decimals a smaller unit is used: 12.4 J below
 * 1.24 MJ is not "0.0000124".
 */
export function unitOfColumn(
  rows: Iterable<readonly [number | null, number | null]>,
  choice: UnitChoice = 'auto'
): IUnit {
  let largest = 0;
  let finest = Infinity;
  for (const [value, halfWidth] of rows) {
    if (isKnown(value)) {
      largest = Math.max(largest, Math.abs(value));
      const fine =
        isKnown(halfWidth) && halfWidth > 0 ? halfWidth : Math.abs(value);
      finest = fine > 0 ? Math.min(finest, fine) : finest;
    }
  }
  const steps = unitSteps(choice);
  let chosen = unitFor([largest], choice);
  while (
    chosen.joules > 1 &&
    finest < Infinity &&
    decimalsFor(finest / chosen.joules, 1) > MAX_COLUMN_DECIMALS
  ) {
    const below = steps.findIndex(step => step[0] === chosen.symbol) - 1;
    if (below < 0) {
      break;
    }
    chosen = unit(steps[below]);
  }
  return chosen;
}
