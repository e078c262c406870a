/**
 * Units of energy: one for a block or a column, from its largest figure and what the person chose.
 *
 * The unit that a person chose is the largest used; what would vanish in it takes a smaller one of the same
 * family, so that a cell of 12 J is 3.4 mWh and not 0.0034 Wh beside its ±.
 */
import { isKnown, decimalsFor } from './decimal';
import type { ISettings } from '../tokens';

export type UnitChoice = ISettings['unit'];

/** A unit of energy: its symbol, and how many joules one of it is. */
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

/** The units of a choice, smallest first; the last is the largest that may be used. */
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

/** The largest step that `value` reaches, the smallest where it reaches none. */
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
  // A hundredth of the chosen unit still reads well; less takes a smaller one.
  const top = steps[steps.length - 1];
  return unit(largest === 0 ? top : largestStep(steps, 100 * largest));
}

/**
 * The unit of a column of joules and their ±.
 *
 * The largest value chooses it, but a row that would need more than three decimals brings the column back to
 * a smaller one: 12.4 J below 1.24 MJ is not "0.0000124".
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
