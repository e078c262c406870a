/**
 * The cells of a run as a list in the order of a notebook.
 *
 * Figures come five times a second and the notebook changes when a person edits it, so the two cost differently: a new
 * figure finds its place by halving, a changed notebook sorts once, when somebody next looks. The list that was handed
 * out is never changed afterwards.
 */
import type { ICell } from '../tokens';

const NOWHERE = Number.MAX_SAFE_INTEGER;

/** What tells one row from another: the cell of the notebook, or where there is none the execution. */
export function keyOf(cell: ICell): string {
  return cell.cell_id ?? `#${cell.id}`;
}

export class CellOrder {
  /** The cells of the notebook from top to bottom; costs a sort, so only where they changed. */
  arrange(ids: Iterable<string>): void {
    this._position.clear();
    let next = 0;
    for (const id of ids) {
      this._position.set(id, next++);
    }
    this._sorted = null;
  }

  /** Put a cell in its place, where it replaces what it was before. */
  put(cell: ICell): void {
    const key = keyOf(cell);
    const before = this._cells.get(key);
    this._cells.set(key, cell);
    if (this._sorted === null) {
      return;
    }
    if (before !== undefined && this._compare(before, cell) === 0) {
      this._own()[this._find(before)] = cell;
      return;
    }
    if (before !== undefined) {
      this._own().splice(this._find(before), 1);
    }
    this._own().splice(this._find(cell), 0, cell);
  }

  remove(key: string): void {
    const before = this._cells.get(key);
    if (before === undefined) {
      return;
    }
    this._cells.delete(key);
    if (this._sorted !== null) {
      this._own().splice(this._find(before), 1);
    }
  }

  clear(): void {
    this._cells.clear();
    this._sorted = null;
  }

  /** Cells in order; those that are not in the notebook come last, in the order in which they ran. */
  list(): readonly ICell[] {
    if (this._sorted === null) {
      this._sorted = [...this._cells.values()].sort((one, other) =>
        this._compare(one, other)
      );
    }
    this._lent = true;
    return this._sorted;
  }

  /** The list to change: another one, if the last one was handed out. */
  private _own(): ICell[] {
    const sorted = this._sorted ?? [];
    this._sorted = this._lent ? sorted.slice() : sorted;
    this._lent = false;
    return this._sorted;
  }

  /** Where a cell is, or belongs. */
  private _find(cell: ICell): number {
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

  private _compare(one: ICell, other: ICell): number {
    const here = this._place(one);
    const there = this._place(other);
    if (here !== there) {
      return here - there;
    }
    if (here !== NOWHERE) {
      return 0;
    }
    if (one.started_at !== other.started_at) {
      return one.started_at - other.started_at;
    }
    const [a, b] = [keyOf(one), keyOf(other)];
    return a < b ? -1 : a > b ? 1 : 0;
  }

  private _place(cell: ICell): number {
    return cell.cell_id === null
      ? NOWHERE
      : (this._position.get(cell.cell_id) ?? NOWHERE);
  }

  private readonly _position = new Map<string, number>();
  private readonly _cells = new Map<string, ICell>();
  private _sorted: ICell[] | null = null;
  private _lent = false;
}
