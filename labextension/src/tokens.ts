/**
 * The public interface: the types of the protocol, the page's state, and the token for other extensions.
 *
 * Protocol types keep the kernel's snake_case, so that one JSON schema describes both sides; the page's own are
 * camelCase. A missing value is null, never 0; times are seconds since 1970.
 */
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

/** How a figure was obtained. Estimated or simulated figures are never shown as measured. */
export type Quality = 'measured' | 'estimated' | 'simulated';

/** Joules with the half-width of their 95 % interval. */
export interface IFigure {
  joules: number | null;
  uncertainty: number | null;
  quality: Quality;
  measured_share: number | null;
  below_resolution?: boolean;
  co2e_grams?: number | null;
  cost?: number | null;
  currency?: string | null;
}

/** Today's energy of all notebooks; `lowerBound`: others may be missing. */
export interface IToday extends IFigure {
  lowerBound?: boolean;
}

export type Kind = 'gpu' | 'cpu' | 'dram' | 'other';

/** The part of a figure for one kind of device. */
export interface IPart {
  kind: Kind;
  joules: number | null;
  uncertainty: number | null;
  quality: Quality;
}

/**
 * `unproven`: the difference is not statistically significant, `reason` may say why. `none`: not comparable, `reason`
 * says why.
 */
export type Verdict = 'more' | 'less' | 'unproven' | 'none';

/** Comparison of a cell or run with its baseline; differences are own minus baseline, in joules. */
export interface IComparison {
  baseline: number | null;
  baseline_uncertainty: number | null;
  difference: number | null;
  difference_uncertainty: number | null;
  ratio: number | null;
  verdict: Verdict;
  reason: string | null;
  edited: boolean;
  excess: number;
  saved: number;
  /** What `ratio` compares: processor time where energy is only estimated from it. */
  basis?: 'energy' | 'cpu_time';
}

export type CellStatus = 'running' | 'ok' | 'error' | 'interrupted' | 'killed';

export interface ICell {
  id: string;
  run: string;
  cell_id: string | null;
  execution_count: number | null;
  code_hash: string | null;
  line: string;
  status: CellStatus;
  started_at: number;
  seconds: number;
  final: boolean;
  figure: IFigure;
  parts: IPart[];
  shared: boolean;
  own_joules: number | null;
  device_joules: number | null;
  /** The kernel's text on devices that are not in the figure. */
  incomplete?: string;
  reruns: number;
  rerun_joules: number | null;
  last_run: IFigure | null;
  against: IComparison | null;
}

export interface ITotals {
  figure: IFigure;
  parts: IPart[];
  seconds: number;
  cells: number;
  idle: IFigure | null;
  reruns: IFigure | null;
  against: IComparison | null;
  compared: number;
  /** Source of the CO2e factor. */
  co2e_source?: string | null;
  /** Start of its first execution; rows only have the last execution of each cell. */
  began_at?: number | null;
}

export interface IBaselineHead {
  kind: 'named' | 'last' | 'median' | 'file';
  name: string | null;
  runs: number;
  figure: IFigure;
  cells: number;
  made_at: number | null;
}

export interface IDevice {
  key: string;
  kind: string;
  device: string;
  quality: Quality;
}

/** An applicable budget. `held`: further cells are blocked; `lifted`: overridden. */
export interface IBudget {
  id: string;
  name: string;
  amount: string;
  per: 'day' | 'week' | 'month' | 'notebook' | 'project';
  covers: 'inference' | 'training' | 'all';
  /** The kernel's sentence on amount, ±, state and share. */
  used: string;
  share: number;
  quality: Quality | null;
  state: 'open' | 'warned' | 'held' | 'lifted';
  until: number | null;
  note: string | null;
}

/** A request to change a budget. */
export type BudgetRequest =
  | {
      action: 'set';
      per: IBudget['per'];
      amount: string;
      covers: IBudget['covers'];
    }
  | { action: 'clear'; per: IBudget['per'] }
  | { action: 'override'; reason: string };

/** The complete current state of a run; a lost snapshot does not matter once the next has come. */
export interface ISnapshot {
  v: 1;
  type: 'snapshot';
  app: 'jupyter_green';
  run: string;
  seq: number;
  sent_at: number;
  notebook: string | null;
  project: string;
  phase: 'busy' | 'idle' | 'off';
  watts: number | null;
  watts_quality: Quality | null;
  devices: IDevice[];
  problem: { sentence: string; command: string | null } | null;
  running: ICell | null;
  cells: ICell[];
  totals: ITotals;
  today: IFigure | null;
  baseline: IBaselineHead | null;
  budgets: IBudget[];
  notice: string | null;
}

/** A page of all cells of a run, the answer to `sync`. */
export interface IHistory {
  v: 1;
  type: 'history';
  app: 'jupyter_green';
  run: string;
  seq: number;
  cells: ICell[];
  page: number;
  pages: number;
}

export interface IAnswer {
  v: 1;
  type: 'answer';
  app: 'jupyter_green';
  run: string;
  to: string;
  ok: boolean;
  message: string;
}

export type Frame = ISnapshot | IHistory | IAnswer;

export type BaselineAction = 'set' | 'use' | 'clear';

export type Request =
  | { v: 1; type: 'sync'; client: string }
  | { v: 1; type: 'visible'; client: string; visible: boolean }
  | {
      v: 1;
      type: 'baseline';
      id: string;
      action: BaselineAction;
      name: string | null;
    }
  | { v: 1; type: 'meter'; id: string; on: boolean }
  | ({ v: 1; type: 'budget'; id: string } & BudgetRequest)
  | {
      v: 1;
      type: 'notebook';
      id: string;
      name: string;
      formerly: string | null;
    };

/** A run of a notebook in the ledger. */
export interface IRun {
  run: string;
  notebook: string | null;
  project: string | null;
  started_at: number;
  ended_at: number | null;
  cells: number;
  figure: IFigure;
  idle: IFigure | null;
}

/** What is waited for: the kernel to start, the kernel to be idle (so that it can be asked), or metering to start. */
export type WaitReason = 'start' | 'busy' | 'loading';

/** Why there are no live figures, or 'live'. */
export type Status =
  | { kind: 'no-notebook' }
  | { kind: 'no-kernel'; last: IFigure | null }
  | { kind: 'waiting'; why: WaitReason }
  | { kind: 'not-python'; language: string }
  | { kind: 'not-loaded' }
  | { kind: 'not-installed'; command: string }
  | { kind: 'off' }
  | { kind: 'live' }
  | { kind: 'stale'; seconds: number; since: number }
  | { kind: 'disconnected' };

/** A power reading: seconds since 1970, watts, and the running cell. */
export interface IPowerPoint {
  at: number;
  watts: number | null;
  cell: string | null;
}

/** The state of the current notebook. Plain data; a new object with each change. */
export interface IState {
  status: Status;
  notebook: string | null;
  run: string | null;
  busy: boolean;
  /** Null while nothing runs. */
  watts: number | null;
  /** Quality of the watts and the power readings. */
  wattsQuality: Quality | null;
  devices: readonly IDevice[];
  problem: ISnapshot['problem'];
  running: ICell | null;
  /** Cells of this run in notebook order; those not in the notebook come last. */
  cells: readonly ICell[];
  totals: ITotals | null;
  today: IToday | null;
  baseline: IBaselineHead | null;
  budgets: readonly IBudget[];
  notice: string | null;
  power: readonly IPowerPoint[];
  /** Earlier runs, newest first; null without the server extension. */
  runs: readonly IRun[] | null;
  /** Why the history is not available: no server extension, or the ledger is locked. */
  historyProblem: string | null;
  /** Named baselines of the notebook. */
  baselines: readonly IBaselineHead[];
  updatedAt: number | null;
}

/** Actions of the user. */
export interface IActions {
  startMetering(): Promise<void>;
  stopMetering(): Promise<void>;
  setBaseline(name: string | null): Promise<IAnswer>;
  useBaseline(name: string): Promise<IAnswer>;
  clearBaseline(): Promise<IAnswer>;
  /** Set, clear or override a budget. */
  changeBudget(request: BudgetRequest): Promise<IAnswer>;
  /** Keep a finished run of this notebook as a baseline; written by the server, needs no kernel. */
  keepRun(run: string, name: string): Promise<IAnswer>;
  /** Scroll to a cell and select it; false where the notebook no longer has it. */
  reveal(cell: ICell): Promise<boolean>;
  openDoctor(): Promise<void>;
  exportReport(): Promise<void>;
  openNotebook(): Promise<void>;
  startKernel(): Promise<void>;
  changeKernel(): Promise<void>;
  reconnect(): Promise<void>;
  refreshHistory(): Promise<void>;
}

/** The cells of a run. */
export interface ICells {
  /** Whether the run began in this notebook and not in another one that shares the kernel. */
  readonly own: boolean;
  /** A cell by its id; undefined where there is no record. */
  get(cellId: string): ICell | undefined;
}

/** What a viewer shows: figures in cells; live figures of the current notebook; also those of the ledger. */
export type Visibility = 'nothing' | 'cells' | 'live' | 'all';

/** The panel's model: state, change signal, actions. */
export interface IEnergyModel extends IActions {
  readonly state: IState;
  /** Emitted when the state or the settings changed, at most once per frame. */
  readonly changed: ISignal<IEnergyModel, void>;
  /** The latest cells of a notebook's kernel. */
  cellsOf(notebookPath: string): ICells;
  /** Set what a viewer shows; live figures stop where nothing shows them. */
  show(viewer: string, visibility: Visibility): void;
}

export const IEnergyModel = new Token<IEnergyModel>(
  'jupyter-green:IEnergyModel',
  'The energy of the current notebook: figures of the running cell, of all cells and of the run.'
);

/** The user's settings. */
export interface ISettings {
  unit: 'auto' | 'J' | 'Wh' | 'kWh';
  /** Order of the cells. */
  order: 'notebook' | 'joules';
  badge: boolean;
  statusBar: boolean;
  meterAll: boolean;
  refreshSeconds: number;
  quiet: boolean;
  region: string;
  pue: number | null;
  tariff: string;
}
