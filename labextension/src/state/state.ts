/**
 * The state of the page for the current notebook, as one plain object that is replaced with each change.
 *
 * It is built on demand, at most once per frame, from the state of each kernel. Processing a message costs no more in
 * a notebook of 10,000 cells than in one of ten. It is independent of the DOM.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import type { LedgerHistory } from '../ledger/ledgerHistory';
import { isKnown } from '../format/decimal';
import { dateOf, nextDay } from '../format/time';
import { frameErrorMessage } from '../kernel/frameValidation';
import { CurrentCells } from '../notebook/currentCells';
import type { IKernelState, IKernelChange, Kernels } from '../kernel/kernels';
import type { NotebookAspect, OpenNotebook } from '../notebook/notebook';
import { RedrawScheduler, type IClock } from './redrawScheduler';
import { STALE_SECONDS, statusOf, silentSeconds } from './status';
import type {
  ICells,
  IFigure,
  ISettings,
  ISnapshot,
  Visibility,
  IState,
  Status
} from '../tokens';
import { todayTotal } from '../ledger/today';
import type { NotebookTracker } from '../notebook/tracker';

/** Delay before visibility changes take effect; moving the panel closes and reopens it. */
const VISIBILITY_DELAY_MS = 250;

/** What the state is built from. */
export interface ISources {
  notebooks: NotebookTracker;
  kernels: Kernels;
  ledgerHistory: LedgerHistory;
  trans: TranslationBundle;
  settings: () => ISettings;
  clock: IClock;
}

/** Longest wait until the date is looked at: a timer does not run while the computer sleeps. */
const DATE_CHECK_MS = 60_000;

/** This run's energy today; null where there is none, undefined where it is not known. */
function ownToday(
  snapshot: ISnapshot,
  now: number
): IFigure | null | undefined {
  const { began_at } = snapshot.totals;
  if (!isKnown(began_at) || dateOf(1000 * began_at) === dateOf(now)) {
    return snapshot.totals.figure;
  }
  // An idle kernel sends nothing: a snapshot of yesterday holds nothing of today.
  return sentToday(snapshot, now) ? undefined : null;
}

/** Whether it was sent today; while a cell runs the next one comes soon. */
function sentToday({ sent_at, phase }: ISnapshot, now: number): boolean {
  return phase === 'busy' || dateOf(1000 * sent_at) === dateOf(now);
}

export class EnergyState {
  constructor(protected readonly sources: ISources) {
    const { notebooks, kernels, ledgerHistory, clock, settings } = sources;
    this._scheduler = new RedrawScheduler(
      () => this._changed.emit(),
      () => 1000 * settings().refreshSeconds,
      clock
    );
    notebooks.opened.connect((_, notebook) => this._onOpened(notebook));
    notebooks.closed.connect((_, notebook) => this._onClosed(notebook));
    notebooks.currentChanged.connect(this._onCurrentChanged, this);
    notebooks.layoutChanged.connect(this._applyVisibility, this);
    kernels.changed.connect(this._onKernelChanged, this);
    ledgerHistory.changed.connect(() => this.markChanged());
    notebooks.all.forEach(notebook => this._onOpened(notebook));
    this._onCurrentChanged();
    this._watchDate();
  }

  /** Emitted when the state has changed, at most once per frame. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): IState {
    this._state ??= this._buildState();
    return this._state;
  }

  /** The latest cells of a notebook's kernel. */
  cellsOf(notebookPath: string): ICells {
    const { notebooks, kernels } = this.sources;
    const notebook = notebooks.all.find(each => each.path === notebookPath);
    const run = kernels.of(notebook ?? null)?.run;
    return {
      own: notebook?.name === run?.snapshot?.notebook,
      get: cellId => run?.row(cellId)
    };
  }

  /** Set what a viewer shows. */
  show(viewer: string, visibility: Visibility): void {
    if (this._viewers.get(viewer) !== visibility) {
      this._viewers.set(viewer, visibility);
      this._applyVisibility();
    }
  }

  /** Set whether the page is visible; one in a background tab shows nothing. */
  setPageVisible(visible: boolean): void {
    this._pageVisible = visible;
    this._applyVisibility();
  }

  /** Invalidate the state and request a redraw. */
  markChanged(urgent = true): void {
    this._state = null;
    this._scheduler.request(urgent);
  }

  /** The current notebook. */
  protected get currentNotebook(): OpenNotebook | null {
    return this.sources.notebooks.current;
  }

  /** The state of its kernel. */
  protected get kernelState(): IKernelState | null {
    return this.sources.kernels.of(this.currentNotebook);
  }

  /** Tell kernels and ledger what is visible, after a short delay. */
  private _applyVisibility(): void {
    if (this._visibilityPending) {
      return;
    }
    this._visibilityPending = true;
    this.sources.clock.later(() => {
      const { notebooks, kernels, ledgerHistory } = this.sources;
      this._visibilityPending = false;
      const visibilities = new Set(
        this._pageVisible ? this._viewers.values() : []
      );
      const live = visibilities.has('all') || visibilities.has('live');
      const shown = notebooks.all.filter(
        each =>
          (live && each === notebooks.current) ||
          (visibilities.has('cells') && each.shown)
      );
      kernels.show(new Set(shown.map(each => kernels.of(each))));
      ledgerHistory.show(visibilities.has('all'));
    }, VISIBILITY_DELAY_MS);
  }

  // ---- events -----------------------------------------------------------------------------------

  private _onOpened(notebook: OpenNotebook): void {
    notebook.changed.connect(this._onNotebookChanged, this);
    this._onNotebookChanged(notebook, 'kernel');
    this._onNotebookChanged(notebook, 'language');
  }

  private _onClosed(notebook: OpenNotebook): void {
    this._lastTotals.delete(notebook);
    this.sources.kernels.remove(notebook);
    this.markChanged();
  }

  private _onCurrentChanged(): void {
    this._cells.invalidateOrder();
    this._updateHistory();
    this._watchSilence();
    this.markChanged();
  }

  private _onNotebookChanged(
    notebook: OpenNotebook,
    aspect: NotebookAspect
  ): void {
    const { kernels } = this.sources;
    if (aspect === 'kernel') {
      kernels.follow(notebook);
      this._applyVisibility();
    } else if (notebook.language?.toLowerCase() === 'python') {
      kernels.of(notebook)?.connection.listen();
    }
    if (notebook === this.currentNotebook) {
      if (aspect === 'cells') {
        this._cells.invalidateOrder();
      }
      this._updateHistory();
      this.markChanged();
    }
  }

  private _onKernelChanged(
    _: Kernels,
    { kernelState, runChange, restarted }: IKernelChange
  ): void {
    const urgent = runChange === null || runChange.urgent;
    if (kernelState !== this.kernelState) {
      // Its cells may be visible beside the current notebook.
      this._scheduler.request(urgent);
      return;
    }
    const total = kernelState.run.snapshot?.totals.figure;
    if (this.currentNotebook !== null && total !== undefined) {
      this._lastTotals.set(this.currentNotebook, total);
    }
    if (restarted || runChange?.isNewRun) {
      this._cells.invalidateRows();
    } else {
      this._cells.update(kernelState.run, runChange?.keys ?? []);
    }
    // What a process used that has died is in the ledger alone.
    if (runChange?.urgent || kernelState.connection.comm.status === 'dead') {
      this.sources.ledgerHistory.markStale();
    }
    this._updateHistory();
    this._watchSilence();
    this.markChanged(urgent);
  }

  /** While a cell runs, check for a kernel that sends nothing. */
  private _watchSilence(): void {
    if (this._watching || this._silentSeconds() === null) {
      return;
    }
    this._watching = true;
    this.sources.clock.later(() => {
      this._watching = false;
      if ((this._silentSeconds() ?? 0) >= STALE_SECONDS) {
        this.markChanged();
      }
      this._watchSilence();
    }, 1000);
  }

  /** Begin today's total anew at midnight, also on a page whose kernels are idle. */
  private _watchDate(): void {
    const { clock, ledgerHistory } = this.sources;
    const before = dateOf(clock.now());
    clock.later(
      () => {
        if (dateOf(clock.now()) !== before) {
          ledgerHistory.markStale();
          this.markChanged();
        }
        this._watchDate();
      },
      Math.min(DATE_CHECK_MS, nextDay(clock.now()) - clock.now())
    );
  }

  private _silentSeconds(): number | null {
    const kernelState = this.kernelState;
    return (
      kernelState &&
      silentSeconds({
        kernel: kernelState.connection.comm.status,
        snapshot: kernelState.run.snapshot,
        arrived: kernelState.run.arrived,
        now: this.sources.clock.now() / 1000
      })
    );
  }

  /** Records have the notebook's name at the start of the run, which may have been renamed since. */
  private _updateHistory(): void {
    const snapshot = this.kernelState?.run.snapshot;
    this.sources.ledgerHistory.follow(
      snapshot?.notebook ?? this.currentNotebook?.name ?? null,
      snapshot?.run ?? null
    );
  }

  // ---- state ------------------------------------------------------------------------------------

  private _status(kernelState: IKernelState | null): Status {
    const { ledgerHistory, clock } = this.sources;
    const notebook = this.currentNotebook;
    return statusOf({
      notebook: notebook !== null,
      starting: notebook?.starting ?? false,
      kernel: notebook?.kernel?.status ?? null,
      language: notebook?.language ?? null,
      lost: kernelState?.connection.lost ?? false,
      metered: kernelState?.connection.metered ?? null,
      loading: kernelState?.loading ?? false,
      packageMissing: kernelState?.packageMissing ?? false,
      snapshot: kernelState?.run.snapshot ?? null,
      arrived: kernelState?.run.arrived ?? null,
      now: clock.now() / 1000,
      lastRun:
        ledgerHistory.runs?.[0]?.figure ??
        (notebook && this._lastTotals.get(notebook)) ??
        null
    });
  }

  private _buildState(): IState {
    const { ledgerHistory, trans, clock } = this.sources;
    const now = clock.now();
    const notebook = this.currentNotebook;
    const kernelState = this.kernelState;
    const snapshot = kernelState?.run.snapshot ?? null;
    const busy = snapshot?.phase === 'busy';
    const error = kernelState?.frameError ?? null;
    return {
      status: this._status(kernelState),
      notebook: notebook?.path ?? null,
      run: snapshot?.run ?? null,
      busy,
      watts: busy ? snapshot.watts : null,
      wattsQuality: kernelState?.run.quality ?? null,
      devices: snapshot?.devices ?? [],
      problem: snapshot?.problem ?? null,
      running: snapshot?.running ?? null,
      cells: this._cells.list(
        kernelState?.run ?? null,
        () => notebook?.ids() ?? []
      ),
      totals: snapshot?.totals ?? null,
      today:
        snapshot &&
        todayTotal(
          sentToday(snapshot, now) ? snapshot.today : null,
          ledgerHistory.others,
          ownToday(snapshot, now)
        ),
      baseline: snapshot?.baseline ?? null,
      budgets: snapshot?.budgets ?? [],
      notice:
        error !== null
          ? frameErrorMessage(error, trans)
          : (kernelState?.message ?? snapshot?.notice ?? null),
      power: kernelState?.run.power.points ?? [],
      runs: ledgerHistory.runs,
      historyProblem: ledgerHistory.problem,
      baselines: ledgerHistory.baselines,
      updatedAt: kernelState?.run.arrived ?? null
    };
  }

  private _state: IState | null = null;
  private _watching = false;
  private _pageVisible = true;
  private _visibilityPending = false;
  private readonly _viewers = new Map<string, Visibility>();
  private readonly _cells = new CurrentCells();
  /** The last total of each notebook's kernel, for when the kernel is gone. */
  private readonly _lastTotals = new Map<OpenNotebook, IFigure>();
  private readonly _scheduler: RedrawScheduler;
  private readonly _changed = new Signal<this, void>(this);
}
