/**
 * The public interface: the shapes that cross the wire, what the page knows, and the token others ask for.
 *
 * Shapes on the wire keep the kernel's spelling (snake_case), so that one JSON schema describes both sides.
 * What the page makes of them is camelCase. Absent is null, never 0; times are seconds since 1970.
 */
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

/** How a figure came about. Nothing estimated or simulated is shown as measured. */
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

/** What all notebooks used today; `least`: or more. */
export interface IToday extends IFigure {
  lowerBound?: boolean;
}

export type Kind = 'gpu' | 'cpu' | 'dram' | 'other';

/** One kind of device's part of a figure. */
export interface IPart {
  kind: Kind;
  joules: number | null;
  uncertainty: number | null;
  quality: Quality;
}

/** `unproven`: the intervals do not tell the two apart, `reason` may say why. `none`: they can't be compared, and `reason` says why. */
export type Verdict = 'more' | 'less' | 'unproven' | 'none';

/** A cell or a run beside its baseline; differences are ours minus the baseline's, in joules. */
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
  /** What the ratio is of: processor time where energy is only estimated from it. */
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
  /** The kernel's words for devices that are not in the figure. */
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
  /** Where the factor of its CO2e comes from. */
  co2e_source?: string | null;
  /** When its first execution began; rows only know of the last one of each cell. */
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

/** How a budget stands that holds here: `held` keeps further cells back, `lifted` lets them run all the same. */
export interface IBudget {
  id: string;
  name: string;
  amount: string;
  per: 'day' | 'week' | 'month' | 'notebook' | 'project';
  covers: 'inference' | 'training' | 'all';
  /** The kernel's sentence: amount, ±, standing, share. */
  used: string;
  share: number;
  quality: Quality | null;
  state: 'open' | 'warned' | 'held' | 'lifted';
  until: number | null;
  note: string | null;
}

/** What may be asked of a budget. */
export type BudgetRequest =
  | {
      action: 'set';
      per: IBudget['per'];
      amount: string;
      covers: IBudget['covers'];
    }
  | { action: 'clear'; per: IBudget['per'] }
  | { action: 'override'; reason: string };

/** All that is known of a run now. Absolute: a lost one costs nothing once the next has come. */
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

/** A page of all cells of a run, the answer to a sync. */
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

/** A run of a notebook as the ledger keeps it. */
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

/**
 * What is waited for: the kernel to start, the kernel to be idle (until then it can't say whether it is metered),
 * or metering to start.
 */
export type WaitReason = 'start' | 'busy' | 'loading';

/** Why there are no live figures, or 'live'. Each has a sentence and a next step. */
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

/** One point of the course of power: seconds since 1970, watts, and the cell that ran. */
export interface IPowerPoint {
  at: number;
  watts: number | null;
  cell: string | null;
}

/** What the page knows of the notebook in front. Plain data; a new object with each change. */
export interface IState {
  status: Status;
  notebook: string | null;
  run: string | null;
  busy: boolean;
  /** Null while nothing runs. */
  watts: number | null;
  /** How the watts, now and in the course of power, came about. */
  wattsQuality: Quality | null;
  devices: readonly IDevice[];
  problem: ISnapshot['problem'];
  running: ICell | null;
  /** Cells of this run in the order of the notebook; those not in it any more come last. */
  cells: readonly ICell[];
  totals: ITotals | null;
  today: IToday | null;
  baseline: IBaselineHead | null;
  budgets: readonly IBudget[];
  notice: string | null;
  power: readonly IPowerPoint[];
  /** Earlier runs, newest first; null where the server's part is missing. */
  runs: readonly IRun[] | null;
  /** One sentence where history can't be had: the server's part is missing, the ledger locked. */
  historyProblem: string | null;
  /** Named baselines of the notebook. */
  baselines: readonly IBaselineHead[];
  updatedAt: number | null;
}

/** What a person asks of the panel. */
export interface IActions {
  startMetering(): Promise<void>;
  stopMetering(): Promise<void>;
  setBaseline(name: string | null): Promise<IAnswer>;
  useBaseline(name: string): Promise<IAnswer>;
  clearBaseline(): Promise<IAnswer>;
  /** Set, clear or override a budget. */
  changeBudget(request: BudgetRequest): Promise<IAnswer>;
  /** Keep a finished run of this notebook as a baseline; the server's part writes it, no kernel is needed. */
  keepRun(run: string, name: string): Promise<IAnswer>;
  /** Scroll the notebook to a cell and select it; false where the notebook has no such cell any more. */
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
  /** Whether the run began in this notebook, not in another one that shares the kernel. */
  readonly own: boolean;
  /** A cell by its id; undefined where nothing is known of it. */
  get(cellId: string): ICell | undefined;
}

/**
 * What is in sight: figures in the cells of the notebooks that are shown; live figures of the notebook in front; those
 * of the ledger as well.
 */
export type Visibility = 'nothing' | 'cells' | 'live' | 'all';

/** The model of the panel: state, a signal when it changes, and what can be asked of it. */
export interface IEnergyModel extends IActions {
  readonly state: IState;
  /** Emitted when the state or the settings changed, at most once per frame the browser draws. */
  readonly changed: ISignal<IEnergyModel, void>;
  /** What the kernel of a notebook last said of its cells. */
  cellsOf(notebookPath: string): ICells;
  /** Say what of all this is in sight somewhere on the page; live figures stop where nothing is. */
  show(viewer: string, visibility: Visibility): void;
}

export const IEnergyModel = new Token<IEnergyModel>(
  'jupyter-green:IEnergyModel',
  'The energy of the notebook in front: figures of the running cell, of all cells and of the run.'
);

/** What a person chose in the settings. */
export interface ISettings {
  unit: 'auto' | 'J' | 'Wh' | 'kWh';
  /** How the cells of the panel stand. */
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
