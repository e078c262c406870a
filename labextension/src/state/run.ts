/**
 * What a kernel has said of its run.
 *
 * A snapshot is absolute and may come twice or be lost, so the newest one counts and an older one changes nothing. A
 * row stands for a cell of the notebook: while it runs it shows the execution that runs, else the last finished one.
 * Another run begins from nothing; what is left of the one before it is not mixed in.
 */
import { keyOf } from '../notebook/cellOrder';
import { Power } from './powerHistory';
import type { ICell, IHistory, ISnapshot, Quality } from '../tokens';

/** What a frame changed: rows by key, and whether a cell began or ended. */
export interface IChange {
  keys: string[];
  /** All that was known is another run's. */
  begun: boolean;
  /** Something a person waits for: a cell began, ended or got its final figure. */
  notable: boolean;
}

const NOTHING: IChange = { keys: [], begun: false, notable: false };

export class Run {
  /** Take in a snapshot that arrived at `now`, in seconds of the page's own clock. */
  take(snapshot: ISnapshot, now: number): IChange {
    if (this._past.has(snapshot.run)) {
      return NOTHING;
    }
    const begun = this._run !== null && this._run !== snapshot.run;
    if (begun) {
      this.clear();
    } else if (snapshot.seq < (this._snapshot?.seq ?? 0)) {
      return NOTHING;
    }
    const before = this._snapshot?.running ?? null;
    this._run = snapshot.run;
    this._snapshot = snapshot;
    this._arrived = now;
    const keys = new Set<string>();
    let notable = begun || before?.id !== snapshot.running?.id;
    for (const cell of snapshot.cells) {
      notable = this._keep(cell) || notable;
      keys.add(keyOf(cell));
    }
    for (const cell of [before, snapshot.running]) {
      if (cell !== null) {
        keys.add(keyOf(cell));
      }
    }
    this._quality = snapshot.watts_quality ?? this._quality;
    this.power.add({
      at: snapshot.sent_at,
      watts: snapshot.phase === 'busy' ? snapshot.watts : null,
      cell: snapshot.running?.cell_id ?? null
    });
    return { keys: [...keys], begun, notable };
  }

  /** Take in a page of all cells of this run. */
  recall(history: IHistory): IChange {
    if (
      this._past.has(history.run) ||
      history.run !== (this._run ?? history.run)
    ) {
      return NOTHING;
    }
    this._run = history.run;
    for (const cell of history.cells) {
      this._keep(cell);
    }
    return { keys: history.cells.map(keyOf), begun: false, notable: true };
  }

  /** Forget everything: the kernel was restarted. */
  clear(): void {
    if (this._run !== null) {
      this._past.add(this._run);
    }
    this._run = null;
    this._snapshot = null;
    this._arrived = null;
    this._cells.clear();
    this._quality = null;
    this.power.clear();
  }

  /** The last word on everything but the cells. */
  get snapshot(): ISnapshot | null {
    return this._snapshot;
  }

  /** When the last frame arrived, in seconds of the page's own clock. */
  get arrived(): number | null {
    return this._arrived;
  }

  /** How the course of power came about; watts are no more known while nothing runs, what they were still is. */
  get quality(): Quality | null {
    return this._quality;
  }

  /** What a row shows now. */
  row(key: string): ICell | undefined {
    const running = this._snapshot?.running ?? null;
    return running !== null && keyOf(running) === key
      ? running
      : this._cells.get(key);
  }

  /** The rows there are. */
  *keys(): IterableIterator<string> {
    yield* this._cells.keys();
    const running = this._snapshot?.running ?? null;
    if (running !== null && !this._cells.has(keyOf(running))) {
      yield keyOf(running);
    }
  }

  readonly power = new Power();

  /** Keep a finished cell; true where that is news. */
  private _keep(cell: ICell): boolean {
    const key = keyOf(cell);
    const before = this._cells.get(key);
    if (
      before !== undefined &&
      before.reruns > cell.reruns &&
      before.started_at > cell.started_at
    ) {
      // A page of history may tell an execution that was run again since. The clock alone does not say so: it may have
      // been set back.
      return false;
    }
    this._cells.set(key, cell);
    return before?.id !== cell.id || before.final !== cell.final;
  }

  private _run: string | null = null;
  private _snapshot: ISnapshot | null = null;
  private _arrived: number | null = null;
  private _quality: Quality | null = null;
  private readonly _cells = new Map<string, ICell>();
  private readonly _past = new Set<string>();
}
