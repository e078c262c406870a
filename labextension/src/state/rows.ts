/**
 * The rows of the cell list as arithmetic: which joules they show, in which order, and which of them are seen.
 *
 * Every row is 36 px high, so that ten thousand cells need no measuring: what stands where is a division.
 */
import { isKnown } from '../format/decimal';
import { cellKey } from '../notebook/cellOrder';
import type { ICell } from '../tokens';

export const ROW_HEIGHT = 36;

/** Rows kept beyond the edges, so that a fast scroll shows no bare ground. */
const OVERSCAN = 10;

/** The joules a row stands for: this kernel's own where others used the device too. */
export function shownJoules(cell: ICell): number | null {
  const joules =
    cell.shared && isKnown(cell.own_joules)
      ? cell.own_joules
      : cell.figure.joules;
  return isKnown(joules) ? joules : null;
}

/** Whether a figure may still move. */
export function isProvisional(cell: ICell): boolean {
  return cell.status === 'running' || !cell.final;
}

/** What is written of a cell: its joules, or the bound of them where no more than that is known. */
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
 * The largest first as they are written; the order of the notebook decides between equals.
 *
 * Of a cell that is at most something nobody knows that it used anything: it comes after all that are told, and what is
 * absent comes last.
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

/** An order by joules, and the final figures that it was made of. */
export interface IJouleOrder {
  run: string | null;
  keys: readonly string[];
  final: ReadonlyMap<string, number>;
}

/**
 * The order made before while it still holds, else another one.
 *
 * A final figure that is not in it makes it anew: neither the clock nor the order in which cells end matters. What only
 * grows, begins or goes leaves it as it is.
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
 * An order that was made earlier, filled with the cells as they are now.
 *
 * Rows must not jump under the pointer while figures grow: cells keep their places, new ones come last.
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

/** The few cells that used most, largest first; of one below the resolution it isn't known. */
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

/** The cell that ended last with a final figure. */
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

/** The rows in sight, with a few beyond: from `first` up to, not including, `end`. */
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

/** Where to scroll so that a row is seen whole; the shortest way, none where it is seen already. */
export function scrollTopFor(
  index: number,
  scrollTop: number,
  height: number
): number {
  const top = index * ROW_HEIGHT;
  return Math.max(Math.min(scrollTop, top), top + ROW_HEIGHT - height, 0);
}

/** The row that a key moves to; null where the key is no movement. */
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
 * The row that typing finds: the next that begins with what was typed, else the next that holds it.
 *
 * One letter goes on from the row after this one, so that repeating it walks through the matches.
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
