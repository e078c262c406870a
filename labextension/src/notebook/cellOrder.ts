/**
 * The cells of a run as a list in notebook order.
 *
 * Figures arrive five times a second, edits are rare: a new figure is inserted by binary search, an edited notebook is
 * sorted once on the next read. A list that was returned is never changed afterwards.
 */
import type { ICell } from '../tokens';

const NOT_IN_NOTEBOOK = Number.MAX_SAFE_INTEGER;

/** The key of a row: the notebook cell's id, or the execution's id where there is none. */
export function cellKey(cell: ICell): string {
  return cell.cell_id ?? `#${cell.id}`;
}

export class CellOrder {
  /** Set the notebook's cells from top to bottom. Costs a sort. */
  arrange(ids: Iterable<string>): void {
    this._position.clear();
    let next = 0;
    for (const id of ids) {
      this._position.set(id, next++);
    }
    this._sorted = null;
  }

  /** Insert or replace a cell. */
  put(cell: ICell): void {
    const key = cellKey(cell);
    const before = this._cells.get(key);
    this._cells.set(key, cell);
    if (this._sorted === null) {
      return;
    }
    if (before !== undefined && this._compare(before, cell) === 0) {
      this._writable()[this._indexOf(before)] = cell;
      return;
    }
    if (before !== undefined) {
      this._writable().splice(this._indexOf(before), 1);
    }
    this._writable().splice(this._indexOf(cell), 0, cell);
  }

  remove(key: string): void {
    const before = this._cells.get(key);
    if (before === undefined) {
      return;
    }
    this._cells.delete(key);
    if (this._sorted !== null) {
      this._writable().splice(this._indexOf(before), 1);
    }
  }

  clear(): void {
    this._cells.clear();
    this._sorted = null;
  }

  /** Cells in order; those not in the notebook come last, in execution order. */
  list(): readonly ICell[] {
    if (this._sorted === null) {
      this._sorted = [...this._cells.values()].sort((first, second) =>
        this._compare(first, second)
      );
    }
    this._handedOut = true;
    return this._sorted;
  }

  /** The list to modify: a copy if the last one was returned to a caller. */
  private _writable(): ICell[] {
    const sorted = this._sorted ?? [];
    this._sorted = this._handedOut ? sorted.slice() : sorted;
    this._handedOut = false;
    return this._sorted;
  }

  /** The index of a cell, or where to insert it. */
  private _indexOf(cell: ICell): number {
    const sorted = this._sorted ?? [];
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this._compare(sorted[middle], cell) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private _compare(first: ICell, second: ICell): number {
    const firstPosition = this._positionOf(first);
    const secondPosition = this._positionOf(second);
    if (firstPosition !== secondPosition) {
      return firstPosition - secondPosition;
    }
    if (firstPosition !== NOT_IN_NOTEBOOK) {
      return 0;
    }
    if (first.started_at !== second.started_at) {
      return first.started_at - second.started_at;
    }
    const [a, b] = [cellKey(first), cellKey(second)];
    return a < b ? -1 : a > b ? 1 : 0;
  }

  private _positionOf(cell: ICell): number {
    return cell.cell_id === null
      ? NOT_IN_NOTEBOOK
      : (this._position.get(cell.cell_id) ?? NOT_IN_NOTEBOOK);
  }

  private readonly _position = new Map<string, number>();
  private readonly _cells = new Map<string, ICell>();
  private _sorted: ICell[] | null = null;
  private _handedOut = false;
}
