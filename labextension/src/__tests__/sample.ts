/** Sample cells and figures, and a translator that returns texts unchanged. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IComparison, ICell, IFigure, IState, ITotals } from '../tokens';

function filled(text: string, args: unknown[]): string {
  return text.replace(/%(\d+)/g, (_, n: string) => String(args[Number(n) - 1]));
}

/** Fills in placeholders as JupyterLab's translator does. */
export const trans: TranslationBundle = {
  __: (id, ...args) => filled(id, args),
  _n: (one, many, n, ...args) => filled(n === 1 ? one : many, args),
  _p: (_, id, ...args) => filled(id, args),
  _np: (_, one, many, n, ...args) => filled(n === 1 ? one : many, args),
  gettext: (id, ...args) => filled(id, args),
  ngettext: (one, many, n, ...args) => filled(n === 1 ? one : many, args),
  pgettext: (_, id, ...args) => filled(id, args),
  npgettext: (_, one, many, n, ...args) => filled(n === 1 ? one : many, args),
  dcnpgettext: (_d, _c, one, many, n, ...args) =>
    filled(n === 1 ? one : many, args)
};

export function figure(
  joules: number | null,
  uncertainty: number | null = null,
  more: Partial<IFigure> = {}
): IFigure {
  return {
    joules,
    uncertainty,
    quality: 'measured',
    measured_share: 1,
    ...more
  };
}

export function comparison(more: Partial<IComparison> = {}): IComparison {
  return {
    baseline: 100,
    baseline_uncertainty: 4,
    difference: -38,
    difference_uncertainty: 6,
    ratio: -0.38,
    verdict: 'less',
    reason: null,
    edited: false,
    excess: 0,
    saved: 38,
    ...more
  };
}

let made = 0;

export function cell(
  joules: number | null,
  uncertainty: number | null = null,
  more: Partial<ICell> = {}
): ICell {
  made += 1;
  return {
    id: `x${made}`,
    run: 'r',
    cell_id: `c${made}`,
    execution_count: made,
    code_hash: null,
    line: 'x = 1',
    status: 'ok',
    started_at: made,
    seconds: 0.5,
    final: true,
    figure: figure(joules, uncertainty),
    parts: [],
    shared: false,
    own_joules: null,
    device_joules: null,
    reruns: 0,
    rerun_joules: null,
    last_run: null,
    against: null,
    ...more
  };
}

export function totals(sum: IFigure, more: Partial<ITotals> = {}): ITotals {
  return {
    figure: sum,
    parts: [],
    seconds: 9,
    cells: 1,
    idle: null,
    reruns: null,
    against: null,
    compared: 0,
    ...more
  };
}

export function state(more: Partial<IState> = {}): IState {
  return {
    status: { kind: 'live' },
    notebook: 'work/sentiment.ipynb',
    run: 'r',
    busy: false,
    watts: null,
    wattsQuality: null,
    devices: [],
    problem: null,
    running: null,
    cells: [],
    totals: null,
    today: null,
    baseline: null,
    budgets: [],
    notice: null,
    power: [],
    runs: [],
    historyProblem: null,
    baselines: [],
    updatedAt: null,
    ...more
  };
}
