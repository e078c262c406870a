/**
 * The cells of the current kernel in the order of the current notebook.
 *
 * Another kernel, run or notebook invalidates the list, which is rebuilt on the next read; a new figure of the same
 * run only changes its row.
 */
import { CellOrder } from './cellOrder';
import type { Run } from '../state/kernelRun';
import type { ICell } from '../tokens';

export class CurrentCells {
  /** The current notebook or its cells have changed. */
  invalidateOrder(): void {
    this._orderValid = false;
  }

  /** The run has changed. */
  invalidateRows(): void {
    this._run = null;
  }

  /** Rows of a run have changed. */
  update(run: Run, keys: readonly string[]): void {
    if (run === this._run) {
      keys.forEach(key => this._put(run, key));
    }
  }

  /** The rows of a run in notebook order. */
  list(run: Run | null, ids: () => Iterable<string>): readonly ICell[] {
    if (!this._orderValid) {
      this._order.arrange(ids());
      this._orderValid = true;
    }
    if (run === null || run !== this._run) {
      this._order.clear();
      this._run = run;
      for (const key of run?.keys() ?? []) {
        this._put(run, key);
      }
    }
    return this._order.list();
  }

  private _put(run: Run | null, key: string): void {
    const row = run?.row(key);
    if (row === undefined) {
      this._order.remove(key);
    } else {
      this._order.put(row);
    }
  }

  private _orderValid = false;
  private _run: Run | null = null;
  private readonly _order = new CellOrder();
}
