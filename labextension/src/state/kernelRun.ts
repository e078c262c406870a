/**
 * The state of a kernel's run, built from its frames.
 *
 * A snapshot is complete; it may be repeated or lost, so the newest counts and older ones are ignored. A row stands
 * for a notebook cell and shows its running execution, else the last finished one. Another run starts empty.
 */
import { cellKey } from '../notebook/cellOrder';
import { PowerHistory } from './powerHistory';
import type { ICell, IHistory, ISnapshot, Quality } from '../tokens';

/** What a frame changed: keys of rows, and whether that is urgent. */
export interface IRunChange {
  keys: string[];
  /** The frame begins another run. */
  isNewRun: boolean;
  /** A cell began, ended or got its final figure. */
  urgent: boolean;
}

const NO_CHANGE: IRunChange = { keys: [], isNewRun: false, urgent: false };

export class Run {
  /** Apply a snapshot that arrived at `now`, in seconds of the page's clock. */
  applySnapshot(snapshot: ISnapshot, now: number): IRunChange {
    if (this._endedRuns.has(snapshot.run)) {
      return NO_CHANGE;
    }
    const isNewRun = this._run !== null && this._run !== snapshot.run;
    if (isNewRun) {
      this.clear();
    } else if (snapshot.seq < (this._snapshot?.seq ?? 0)) {
      return NO_CHANGE;
    }
    const previous = this._snapshot?.running ?? null;
    this._run = snapshot.run;
    this._snapshot = snapshot;
    this._arrived = now;
    const keys = new Set<string>();
    let urgent = isNewRun || previous?.id !== snapshot.running?.id;
    for (const cell of snapshot.cells) {
      urgent = this._keep(cell) || urgent;
      keys.add(cellKey(cell));
    }
    for (const cell of [previous, snapshot.running]) {
      if (cell !== null) {
        keys.add(cellKey(cell));
      }
    }
    this._quality = snapshot.watts_quality ?? this._quality;
    this.power.add({
      at: snapshot.sent_at,
      watts: snapshot.phase === 'busy' ? snapshot.watts : null,
      cell: snapshot.running?.cell_id ?? null
    });
    return { keys: [...keys], isNewRun, urgent };
  }

  /** Apply a page of the run's cells. */
  applyHistory(history: IHistory): IRunChange {
    if (
      this._endedRuns.has(history.run) ||
      history.run !== (this._run ?? history.run)
    ) {
      return NO_CHANGE;
    }
    this._run = history.run;
    for (const cell of history.cells) {
      this._keep(cell);
    }
    return { keys: history.cells.map(cellKey), isNewRun: false, urgent: true };
  }

  /** Clear everything: the kernel was restarted. */
  clear(): void {
    if (this._run !== null) {
      this._endedRuns.add(this._run);
    }
    this._run = null;
    this._snapshot = null;
    this._arrived = null;
    this._cells.clear();
    this._quality = null;
    this.power.clear();
  }

  /** The newest snapshot. */
  get snapshot(): ISnapshot | null {
    return this._snapshot;
  }

  /** When the last snapshot arrived, in seconds of the page's clock. */
  get arrived(): number | null {
    return this._arrived;
  }

  /** The quality of the power readings, also after the last cell has ended. */
  get quality(): Quality | null {
    return this._quality;
  }

  /** The cell that a row shows. */
  row(key: string): ICell | undefined {
    const running = this._snapshot?.running ?? null;
    return running !== null && cellKey(running) === key
      ? running
      : this._cells.get(key);
  }

  /** The keys of all rows. */
  *keys(): IterableIterator<string> {
    yield* this._cells.keys();
    const running = this._snapshot?.running ?? null;
    if (running !== null && !this._cells.has(cellKey(running))) {
      yield cellKey(running);
    }
  }

  readonly power = new PowerHistory();

  /** Store a finished cell; true where it is new. */
  private _keep(cell: ICell): boolean {
    const key = cellKey(cell);
    const previous = this._cells.get(key);
    if (
      previous !== undefined &&
      previous.reruns > cell.reruns &&
      previous.started_at > cell.started_at
    ) {
      // A history page may contain an execution that was repeated since. The start time alone does not show that,
      // since the clock may have been set back.
      return false;
    }
    this._cells.set(key, cell);
    return previous?.id !== cell.id || previous.final !== cell.final;
  }

  private _run: string | null = null;
  private _snapshot: ISnapshot | null = null;
  private _arrived: number | null = null;
  private _quality: Quality | null = null;
  private readonly _cells = new Map<string, ICell>();
  private readonly _endedRuns = new Set<string>();
}
