/**
 * The cells of one kernel in the order of one notebook: those in front.
 *
 * Another kernel, another run or another notebook means to begin anew, which is done when somebody looks; a figure of
 * the run that is shown changes its row alone.
 */
import { CellOrder } from './cellOrder';
import type { Run } from '../state/run';
import type { ICell } from '../tokens';

export class CurrentCells {
  /** The notebook in front has changed, or its cells have. */
  invalidateOrder(): void {
    this._orderValid = false;
  }

  /** Another run is to be shown. */
  invalidateRows(): void {
    this._run = null;
  }

  /** Rows of a run have changed. */
  update(run: Run, keys: readonly string[]): void {
    if (run === this._run) {
      keys.forEach(key => this._put(run, key));
    }
  }

  /** The rows of a run, in the order of these cells. */
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
