/**
 * Computations on the rows of the cell list: their joules, order and visible range.
 *
 * All rows are 36 px high, so the visible range of 10,000 cells is a division.
 */
import { isKnown } from '../format/decimal';
import { cellKey } from '../notebook/cellOrder';
import type { ICell } from '../tokens';

export const ROW_HEIGHT = 36;

/** Rows rendered beyond the visible ones, for fast scrolling. */
const OVERSCAN = 10;

/** A row's joules: those attributed to this kernel where the device was shared. */
export function shownJoules(cell: ICell): number | null {
  const joules =
    cell.shared && isKnown(cell.own_joules)
      ? cell.own_joules
      : cell.figure.joules;
  return isKnown(joules) ? joules : null;
}

/** Whether a figure may still change. */
export function isProvisional(cell: ICell): boolean {
  return cell.status === 'running' || !cell.final;
}

/** The joules of a row, or a bound where only that is known. */
export function writtenJoules(cell: ICell): {
  bound: '' | '≤' | '≥';
  joules: number | null;
} {
  const joules = shownJoules(cell);
  const uncertainty = cell.figure.uncertainty;
  if (!isKnown(joules) || isProvisional(cell)) {
    return { bound: '', joules };
  }
  if (cell.status === 'killed') {
    const lower = isKnown(uncertainty) ? joules - uncertainty : joules;
    if (lower > 0) {
      return { bound: '≥', joules: lower };
    }
  }
  return cell.figure.below_resolution && isKnown(uncertainty)
    ? { bound: '≤', joules: Math.max(0, joules + uncertainty) }
    : { bound: '', joules };
}

/**
 * Sorted by the joules as written, descending; equal cells keep notebook order.
 *
 * Upper bounds come after all known values, since the cell may have used nothing. Cells without a reading come last.
 */
export function sortedByJoules(cells: readonly ICell[]): ICell[] {
  const sizes = new Map(cells.map(cell => [cell, writtenSize(cell)]));
  const sizeOf = (cell: ICell): number => sizes.get(cell) ?? -Infinity;
  return [...cells].sort((a, b) =>
    sizeOf(a) === sizeOf(b) ? 0 : sizeOf(b) - sizeOf(a)
  );
}

function writtenSize(cell: ICell): number {
  const { bound, joules } = writtenJoules(cell);
  if (joules === null) {
    return -Infinity;
  }
  return bound === '≤' ? -1 / (1 + joules) : joules;
}

/** An order by joules, and the final figures it was made from. */
export interface IJouleOrder {
  run: string | null;
  keys: readonly string[];
  final: ReadonlyMap<string, number>;
}

/**
 * Reuse the previous order while it is valid, else make a new one.
 *
 * A new final figure invalidates it. Cells that grow, start or disappear do not.
 */
export function jouleOrder(
  before: IJouleOrder | null,
  run: string | null,
  cells: readonly ICell[]
): IJouleOrder {
  const isValid =
    before !== null &&
    before.run === run &&
    cells.every(
      cell =>
        isProvisional(cell) || before.final.get(cell.id) === writtenSize(cell)
    );
  return isValid
    ? before
    : {
        run,
        keys: sortedByJoules(cells).map(cellKey),
        final: new Map(
          cells
            .filter(cell => !isProvisional(cell))
            .map(cell => [cell.id, writtenSize(cell)])
        )
      };
}

/**
 * Arrange the current cells in an earlier order; new cells come last. Rows thus don't move under the pointer while
 * figures grow.
 */
export function inOrder(
  order: readonly string[],
  cells: readonly ICell[]
): ICell[] {
  const now = new Map(cells.map(cell => [cellKey(cell), cell]));
  const rows: ICell[] = [];
  for (const key of order) {
    const cell = now.get(key);
    if (cell) {
      rows.push(cell);
      now.delete(key);
    }
  }
  return [...rows, ...now.values()];
}

/** The `count` largest cells, descending; cells below the resolution are left out. */
export function topCells(cells: readonly ICell[], count: number): ICell[] {
  const top: { cell: ICell; joules: number }[] = [];
  for (const cell of cells) {
    const joules = shownJoules(cell);
    if (joules === null || joules <= 0 || cell.figure.below_resolution) {
      continue;
    }
    const index = top.findIndex(other => other.joules < joules);
    top.splice(index < 0 ? top.length : index, 0, { cell, joules });
    top.length = Math.min(top.length, count);
  }
  return top.map(({ cell }) => cell);
}

/** The cell with a final figure that ended last. */
export function newestFinal(cells: readonly ICell[]): ICell | null {
  let newest: ICell | null = null;
  for (const cell of cells) {
    if (
      !isProvisional(cell) &&
      (newest === null ||
        cell.started_at + cell.seconds >= newest.started_at + newest.seconds)
    ) {
      newest = cell;
    }
  }
  return newest;
}

/** The range of rows to render: from `first` to before `end`. */
export function visibleRange(
  scrollTop: number,
  height: number,
  count: number
): { first: number; end: number } {
  const top = Math.max(0, Math.min(scrollTop, count * ROW_HEIGHT - height));
  const first = Math.floor(top / ROW_HEIGHT) - OVERSCAN;
  const end = Math.ceil((top + height) / ROW_HEIGHT) + OVERSCAN;
  return { first: Math.max(0, first), end: Math.max(0, Math.min(count, end)) };
}

/** The nearest scroll position that shows a row completely. */
export function scrollTopFor(
  index: number,
  scrollTop: number,
  height: number
): number {
  const top = index * ROW_HEIGHT;
  return Math.max(Math.min(scrollTop, top), top + ROW_HEIGHT - height, 0);
}

/** The row that a navigation key leads to; null for other keys. */
export function rowForKey(
  key: string,
  from: number,
  count: number,
  height: number
): number | null {
  const page = Math.max(1, Math.floor(height / ROW_HEIGHT) - 1);
  const steps: Record<string, number> = {
    ArrowUp: from - 1,
    ArrowDown: from + 1,
    PageUp: from - page,
    PageDown: from + page,
    Home: 0,
    End: count - 1
  };
  const to = Object.prototype.hasOwnProperty.call(steps, key)
    ? steps[key]
    : null;
  return to === null || count === 0
    ? null
    : Math.max(0, Math.min(count - 1, to));
}

/**
 * The next row that begins with the typed text, else the next that contains it.
 *
 * A single letter starts from the following row, so that repeating it cycles through the matches.
 */
export function rowForTyping(
  typed: string,
  from: number,
  count: number,
  text: (index: number) => string
): number | null {
  const query = typed.toLowerCase();
  const start = query.length > 1 ? from : from + 1;
  let containing: number | null = null;
  for (let step = 0; step < count; step++) {
    const index = (start + step) % count;
    const at = text(index).toLowerCase().indexOf(query);
    if (at === 0) {
      return index;
    }
    if (at > 0 && containing === null) {
      containing = index;
    }
  }
  return containing;
}
