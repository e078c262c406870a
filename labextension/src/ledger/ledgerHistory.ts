/**
 * What the ledger tells of the notebook in front: earlier runs, its baselines, and today's sum over all notebooks.
 *
 * It is asked when another notebook comes to the front, when the ledger says that it has changed, and when cells have
 * ended; never by the clock, never while nothing shows it, and one question at a time.
 */
import { ISignal, Signal } from '@lumino/signaling';

import { EnergyServer, LedgerError, type ILedgerChange } from './client';
import type { IBaselineHead, IFigure, IRun } from '../tokens';

const dateKey = (): string => new Date().toDateString();

/** Milliseconds between two looks at the ledger, at least. */
const MIN_INTERVAL_MS = 5000;

export class LedgerHistory {
  constructor(private readonly _server: EnergyServer) {
    _server.changed.connect(this._onChanged, this);
  }

  /** Emitted when something that is told here has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** What is told of. */
  get notebook(): string | null {
    return this._notebook;
  }

  /** Newest first; null where they can't be had, and `problem` says why. */
  get runs(): readonly IRun[] | null {
    return this._runs;
  }

  get baselines(): readonly IBaselineHead[] {
    return this._baselines;
  }

  /** What the other runs used today; null where they used nothing, undefined where that is not known now. */
  get others(): IFigure | null | undefined {
    return this._others?.run === this._run && this._others?.day === dateKey()
      ? this._others?.figure
      : undefined;
  }

  /** One sentence; null where all is well. */
  get problem(): string | null {
    return this._problem;
  }

  /** Tell of this notebook, named as its records name it, from here on. */
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

  /** Whether anything on the page shows what is told here. */
  show(visible: boolean): void {
    if (visible !== this._visible) {
      this._visible = visible;
      this._schedule(0);
    }
  }

  /** Something has ended; the ledger may have more to tell. */
  markStale(): void {
    this._stale = true;
    this._schedule(MIN_INTERVAL_MS);
  }

  /** Ask now, whatever was found before. */
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
      // Where nothing was metered yet there is nothing to tell, and nothing wrong.
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
    // Another notebook's cells change today's sum alone, which can wait for the next look.
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
  /** The server's part is missing; it is asked again when a person wants it. */
  private _unavailable = false;
  private _fetchedAt = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private readonly _changed = new Signal<this, void>(this);
}
