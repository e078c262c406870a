/**
 * Ledger data of the current notebook: earlier runs, baselines, and today's total over all notebooks.
 *
 * The ledger is queried when the current notebook changes, when the ledger reports a change, and when cells have
 * ended; never periodically, never while nothing shows the data, and one query at a time.
 */
import { ISignal, Signal } from '@lumino/signaling';

import { dateOf } from '../format/time';
import { EnergyServer, LedgerError, type ILedgerChange } from './client';
import type { IBaselineHead, IFigure, IRun } from '../tokens';

const dateKey = (): string => dateOf(Date.now());

/** Minimum milliseconds between two queries. */
const MIN_INTERVAL_MS = 5000;

export class LedgerHistory {
  constructor(private readonly _server: EnergyServer) {
    _server.changed.connect(this._onChanged, this);
  }

  /** Emitted when any of this data has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The notebook that the data belongs to. */
  get notebook(): string | null {
    return this._notebook;
  }

  /** Newest first; null where they are not available, and `problem` says why. */
  get runs(): readonly IRun[] | null {
    return this._runs;
  }

  get baselines(): readonly IBaselineHead[] {
    return this._baselines;
  }

  /** Today's energy of the other runs; null where there is none, undefined where it is not known. */
  get others(): IFigure | null | undefined {
    return this._others?.run === this._run && this._others?.day === dateKey()
      ? this._others?.figure
      : undefined;
  }

  /** A message for the user; null where all is well. */
  get problem(): string | null {
    return this._problem;
  }

  /** Set the current notebook, by the name in its records, and its run. */
  follow(notebook: string | null, run: string | null): void {
    if (run !== this._run) {
      this._run = run;
      this._stale = true;
      this._schedule(0);
    }
    if (notebook !== this._notebook) {
      this._notebook = notebook;
      this._runs = null;
      this._baselines = [];
      this._stale = true;
      this._schedule(0);
    }
  }

  /** Set whether the page shows this data. */
  show(visible: boolean): void {
    if (visible !== this._visible) {
      this._visible = visible;
      this._schedule(0);
    }
  }

  /** A cell has ended: query again soon. */
  markStale(): void {
    this._stale = true;
    this._schedule(MIN_INTERVAL_MS);
  }

  /** Query now, even if the server extension was missing before. */
  async refresh(): Promise<void> {
    clearTimeout(this._timer);
    this._timer = undefined;
    this._unavailable = false;
    await this._fetch();
  }

  private _schedule(minInterval: number): void {
    if (
      !this._visible ||
      !this._stale ||
      this._unavailable ||
      (this._timer !== undefined && minInterval > 0)
    ) {
      return;
    }
    clearTimeout(this._timer);
    const wait = Math.max(0, this._fetchedAt + minInterval - Date.now());
    this._timer = setTimeout(
      () => {
        this._timer = undefined;
        void this._fetch();
      },
      minInterval === 0 ? 0 : wait
    );
  }

  private async _fetch(): Promise<void> {
    if (this._fetching) {
      this._stale = true;
      return;
    }
    const notebook = this._notebook;
    const requested = { run: this._run, day: dateKey() };
    this._fetching = true;
    this._stale = false;
    this._fetchedAt = Date.now();
    try {
      const { ledger, sentence } = await this._server.health();
      // A missing ledger is no error: nothing was metered yet.
      const [runs, baselines, others] =
        ledger === 'ok'
          ? await this._query(notebook, requested.run)
          : [ledger === 'missing' ? [] : null, [], null];
      if (notebook === this._notebook) {
        this._runs = runs;
        this._baselines = baselines;
      }
      this._others = { ...requested, figure: others };
      this._problem = ledger === 'missing' ? null : sentence;
    } catch (error) {
      if (!(error instanceof LedgerError)) {
        throw error;
      }
      this._problem = error.sentence;
      this._unavailable = error.kind === 'missing';
    } finally {
      this._fetching = false;
    }
    this._changed.emit();
    if (notebook !== this._notebook || requested.run !== this._run) {
      this._stale = true;
      this._schedule(0);
    } else {
      this._schedule(MIN_INTERVAL_MS);
    }
  }

  private async _query(
    notebook: string | null,
    run: string | null
  ): Promise<[readonly IRun[] | null, IBaselineHead[], IFigure | null]> {
    const [runs, baselines, todayTotals] = await Promise.all([
      notebook === null ? null : this._server.runs(notebook),
      notebook === null ? [] : this._server.baselines(notebook),
      this._server.totals({ since: 'today', without: run ?? undefined })
    ]);
    return [
      runs?.items ?? null,
      baselines,
      todayTotals.cells > 0 ? todayTotals.figure : null
    ];
  }

  private _onChanged(_: EnergyServer, change: ILedgerChange): void {
    const isOther =
      change.notebook !== null && change.notebook !== this._notebook;
    // Another notebook's cells only change today's total, which can wait.
    this._stale = true;
    if (!isOther) {
      this._schedule(MIN_INTERVAL_MS);
    }
  }

  private _notebook: string | null = null;
  private _runs: readonly IRun[] | null = null;
  private _baselines: readonly IBaselineHead[] = [];
  private _run: string | null = null;
  private _others?: { run: string | null; day: string; figure: IFigure | null };
  private _problem: string | null = null;
  private _visible = false;
  private _stale = true;
  private _fetching = false;
  /** The server extension is missing; queried again only on the user's request. */
  private _unavailable = false;
  private _fetchedAt = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private readonly _changed = new Signal<this, void>(this);
}
