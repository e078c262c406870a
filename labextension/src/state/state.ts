/**
 * What the page knows of the notebook in front, as one plain object that is replaced with each change.
 *
 * It is put together when somebody looks, at most once per drawn frame, out of what is kept per kernel. A message costs
 * no more in a notebook of ten thousand cells than in one of ten. There is no element of the page in here.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import type { Archive } from '../ledger/ledgerHistory';
import { refusedFrame } from '../kernel/frames';
import { FrontCells } from '../notebook/currentCells';
import type { IKnown, INews, Kernels } from '../kernel/kernels';
import type { Aspect, OpenNotebook } from '../notebook/notebook';
import { Pulse, type IClock } from './redrawScheduler';
import { STALE, judge, quietFor } from './status';
import type {
  ICells,
  IFigure,
  ISettings,
  Sight,
  IState,
  Status
} from '../tokens';
import { todays } from '../ledger/today';
import type { NotebookTracker } from '../notebook/tracker';

/** Milliseconds after which a page that shows nothing says so; panels move by closing here and opening there. */
const SETTLING = 250;

/** What the state is made of. */
export interface ISources {
  notebooks: NotebookTracker;
  kernels: Kernels;
  archive: Archive;
  trans: TranslationBundle;
  settings: () => ISettings;
  clock: IClock;
}

/** Whether a run began today, or has not begun. */
function isToday(seconds: number | null | undefined): boolean {
  return (
    new Date((seconds ?? Date.now() / 1000) * 1000).toDateString() ===
    new Date().toDateString()
  );
}

export class EnergyState {
  constructor(protected readonly sources: ISources) {
    const { notebooks, kernels, archive, clock, settings } = sources;
    this._pulse = new Pulse(
      () => this._changed.emit(),
      () => 1000 * settings().refreshSeconds,
      clock
    );
    notebooks.opened.connect((_, notebook) => this._open(notebook));
    notebooks.closed.connect((_, notebook) => this._close(notebook));
    notebooks.frontChanged.connect(this._onFront, this);
    notebooks.rearranged.connect(this._settle, this);
    kernels.news.connect(this._onNews, this);
    archive.changed.connect(() => this.touch());
    notebooks.all.forEach(notebook => this._open(notebook));
    this._onFront();
  }

  /** Emitted when the state has changed, at most once per drawn frame. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): IState {
    this._state ??= this._gather();
    return this._state;
  }

  /** What the kernel of a notebook last said of its cells. */
  cellsOf(notebookPath: string): ICells {
    const { notebooks, kernels } = this.sources;
    const notebook = notebooks.all.find(each => each.path === notebookPath);
    const run = kernels.of(notebook ?? null)?.run;
    return {
      own: notebook?.name === run?.snapshot?.notebook,
      get: cellId => run?.row(cellId)
    };
  }

  /** Say that something shows figures, or does not any more. */
  show(viewer: string, sight: Sight): void {
    if (this._viewers.get(viewer) !== sight) {
      this._viewers.set(viewer, sight);
      this._settle();
    }
  }

  /** Say whether the page itself can be seen; one behind another tab of the browser shows nothing. */
  expose(exposed: boolean): void {
    this._exposed = exposed;
    this._settle();
  }

  /** Something has changed: the state is put together anew, and drawn. */
  touch(notable = true): void {
    this._state = null;
    this._pulse.beat(notable);
  }

  /** The notebook in front. */
  protected get front(): OpenNotebook | null {
    return this.sources.notebooks.front;
  }

  /** What is known of its kernel. */
  protected get known(): IKnown | null {
    return this.sources.kernels.of(this.front);
  }

  /** Say to kernels and ledger what is in sight, once that has stayed for a moment. */
  private _settle(): void {
    if (this._settling) {
      return;
    }
    this._settling = true;
    this.sources.clock.later(() => {
      const { notebooks, kernels, archive } = this.sources;
      this._settling = false;
      const sights = new Set(this._exposed ? this._viewers.values() : []);
      const live = sights.has('all') || sights.has('live');
      const seen = notebooks.all.filter(
        each =>
          (live && each === notebooks.front) ||
          (sights.has('cells') && each.shown)
      );
      kernels.show(new Set(seen.map(each => kernels.of(each))));
      archive.show(sights.has('all'));
    }, SETTLING);
  }

  // ---- what happens -----------------------------------------------------------------------------

  private _open(notebook: OpenNotebook): void {
    notebook.changed.connect(this._onAspect, this);
    this._onAspect(notebook, 'kernel');
    this._onAspect(notebook, 'language');
  }

  private _close(notebook: OpenNotebook): void {
    this._last.delete(notebook);
    this.sources.kernels.drop(notebook);
    this.touch();
  }

  private _onFront(): void {
    this._cells.rearrange();
    this._lookUp();
    this._listen();
    this.touch();
  }

  private _onAspect(notebook: OpenNotebook, aspect: Aspect): void {
    const { kernels } = this.sources;
    if (aspect === 'kernel') {
      kernels.follow(notebook);
      this._settle();
    } else if (notebook.language?.toLowerCase() === 'python') {
      kernels.of(notebook)?.link.listen();
    }
    if (notebook === this.front) {
      if (aspect === 'cells') {
        this._cells.rearrange();
      }
      this._lookUp();
      this.touch();
    }
  }

  private _onNews(_: Kernels, { known, change, restarted }: INews): void {
    const notable = change === null || change.notable;
    if (known !== this.known) {
      // Its cells may be in sight, beside the notebook in front.
      this._pulse.beat(notable);
      return;
    }
    const total = known.run.snapshot?.totals.figure;
    if (this.front !== null && total !== undefined) {
      this._last.set(this.front, total);
    }
    if (restarted || change?.begun) {
      this._cells.refill();
    } else {
      this._cells.change(known.run, change?.keys ?? []);
    }
    if (change?.notable) {
      this.sources.archive.stir();
    }
    this._lookUp();
    this._listen();
    this.touch(notable);
  }

  /** While a cell runs, say so when no word comes. */
  private _listen(): void {
    if (this._listening || this._quiet() === null) {
      return;
    }
    this._listening = true;
    this.sources.clock.later(() => {
      this._listening = false;
      if ((this._quiet() ?? 0) >= STALE) {
        this.touch();
      }
      this._listen();
    }, 1000);
  }

  private _quiet(): number | null {
    const known = this.known;
    return (
      known &&
      quietFor({
        kernel: known.link.wire.status,
        snapshot: known.run.snapshot,
        arrived: known.run.arrived,
        now: this.sources.clock.now() / 1000
      })
    );
  }

  /** Records bear the name that the kernel began with; a notebook that was renamed since has another. */
  private _lookUp(): void {
    const snapshot = this.known?.run.snapshot;
    this.sources.archive.look(
      snapshot?.notebook ?? this.front?.name ?? null,
      snapshot?.run ?? null
    );
  }

  // ---- the state --------------------------------------------------------------------------------

  private _judge(known: IKnown | null): Status {
    const { archive, clock } = this.sources;
    const front = this.front;
    return judge({
      notebook: front !== null,
      starting: front?.starting ?? false,
      kernel: front?.kernel?.status ?? null,
      language: front?.language ?? null,
      lost: known?.link.lost ?? false,
      metered: known?.link.metered ?? null,
      loading: known?.loading ?? false,
      missing: known?.missing ?? false,
      snapshot: known?.run.snapshot ?? null,
      arrived: known?.run.arrived ?? null,
      now: clock.now() / 1000,
      last:
        archive.runs?.[0]?.figure ?? (front && this._last.get(front)) ?? null
    });
  }

  private _gather(): IState {
    const { archive, trans } = this.sources;
    const front = this.front;
    const known = this.known;
    const snapshot = known?.run.snapshot ?? null;
    const busy = snapshot?.phase === 'busy';
    const refusal = known?.refusal ?? null;
    return {
      status: this._judge(known),
      notebook: front?.path ?? null,
      run: snapshot?.run ?? null,
      busy,
      watts: busy ? snapshot.watts : null,
      wattsQuality: known?.run.quality ?? null,
      devices: snapshot?.devices ?? [],
      problem: snapshot?.problem ?? null,
      running: snapshot?.running ?? null,
      cells: this._cells.list(known?.run ?? null, () => front?.ids() ?? []),
      totals: snapshot?.totals ?? null,
      today: todays(
        snapshot?.today ?? null,
        archive.others,
        snapshot && isToday(snapshot.totals.began_at)
          ? snapshot.totals.figure
          : null
      ),
      baseline: snapshot?.baseline ?? null,
      budgets: snapshot?.budgets ?? [],
      notice:
        refusal !== null
          ? refusedFrame(refusal, trans)
          : (known?.said ?? snapshot?.notice ?? null),
      power: known?.run.power.points ?? [],
      runs: archive.runs,
      historyProblem: archive.problem,
      baselines: archive.baselines,
      updatedAt: known?.run.arrived ?? null
    };
  }

  private _state: IState | null = null;
  private _listening = false;
  private _exposed = true;
  private _settling = false;
  private readonly _viewers = new Map<string, Sight>();
  private readonly _cells = new FrontCells();
  /** What a notebook's kernel last said of its run, for when the kernel is gone. */
  private readonly _last = new Map<OpenNotebook, IFigure>();
  private readonly _pulse: Pulse;
  private readonly _changed = new Signal<this, void>(this);
}
