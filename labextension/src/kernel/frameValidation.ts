/**
 * Validation of the frames that a kernel sends.
 *
 * A kernel runs arbitrary code, so frames are untrusted: each is copied field by field, or rejected as a whole with
 * one error. A frame is small; a long history comes in pages.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import {
  Reader,
  ValidationError,
  tryRead,
  bool,
  isObject,
  lines,
  list,
  exactText,
  number,
  object,
  oneOf,
  optional,
  orNull,
  text,
  integer
} from '../schema/validators';
import type {
  Frame,
  IComparison,
  IAnswer,
  IBaselineHead,
  IBudget,
  ICell,
  IDevice,
  IFigure,
  IHistory,
  IPart,
  ISnapshot,
  ITotals
} from '../tokens';

/** The comm target, and the `app` field of every frame. */
export const APP = 'jupyter_green';

/** The protocol version that this page supports. */
export const VERSION = 1;

// Limits beyond any real value: more energy than a power station produces in a year, later than the year 5000.
const MAX_JOULES = 1e16;
const MAX_TIME = 1e11;
const MAX_COUNT = 1e9;
const MAX_COST = 1e12;

const joules = number(-MAX_JOULES, MAX_JOULES);
const nonNegative = number(0, MAX_JOULES);
const money = number(-MAX_COST, MAX_COST);
const quality = oneOf('measured', 'estimated', 'simulated');
export const timestamp = number(0, MAX_TIME);
export const count = integer(MAX_COUNT);
export const id = exactText(256);
export const label = text(1024);
const sentence = text(4096);
const seconds = number(0, MAX_TIME);

export const figure: Reader<IFigure> = object<IFigure>({
  joules: orNull(joules),
  uncertainty: orNull(nonNegative),
  quality,
  measured_share: orNull(number(0, 1)),
  below_resolution: optional(bool),
  co2e_grams: optional(orNull(money)),
  cost: optional(orNull(money)),
  currency: optional(orNull(text(16)))
});

export const part: Reader<IPart> = object<IPart>({
  kind: oneOf('gpu', 'cpu', 'dram', 'other'),
  joules: orNull(joules),
  uncertainty: orNull(nonNegative),
  quality
});

const parts = list(part, 64);

const comparison: Reader<IComparison> = object<IComparison>({
  baseline: orNull(joules),
  baseline_uncertainty: orNull(nonNegative),
  difference: orNull(joules),
  difference_uncertainty: orNull(nonNegative),
  ratio: orNull(number(-MAX_JOULES, MAX_JOULES)),
  verdict: oneOf('more', 'less', 'unproven', 'none'),
  reason: orNull(sentence),
  edited: bool,
  excess: nonNegative,
  saved: nonNegative,
  // Older kernels and servers compare energies only and leave this out.
  basis: optional(oneOf('energy', 'cpu_time'))
});

export const cell: Reader<ICell> = object<ICell>({
  id,
  run: id,
  cell_id: orNull(id),
  execution_count: orNull(count),
  code_hash: orNull(id),
  line: text(240),
  status: oneOf('running', 'ok', 'error', 'interrupted', 'killed'),
  started_at: timestamp,
  seconds,
  final: bool,
  figure,
  parts,
  shared: bool,
  own_joules: orNull(joules),
  device_joules: orNull(joules),
  incomplete: optional(text(120)),
  reruns: count,
  rerun_joules: orNull(joules),
  last_run: orNull(figure),
  against: orNull(comparison)
});

const totals: Reader<ITotals> = object<ITotals>({
  figure,
  parts,
  seconds,
  cells: count,
  idle: orNull(figure),
  reruns: orNull(figure),
  against: orNull(comparison),
  compared: count,
  co2e_source: optional(orNull(sentence)),
  began_at: optional(orNull(timestamp))
});

export const baselineHead: Reader<IBaselineHead> = object<IBaselineHead>({
  kind: oneOf('named', 'last', 'median', 'file'),
  name: orNull(label),
  runs: count,
  figure,
  cells: count,
  made_at: orNull(timestamp)
});

const device: Reader<IDevice> = object<IDevice>({
  key: id,
  kind: text(64),
  device: label,
  quality
});

const budget: Reader<IBudget> = object<IBudget>({
  id,
  name: label,
  amount: text(64),
  per: oneOf('day', 'week', 'month', 'notebook', 'project'),
  covers: oneOf('inference', 'training', 'all'),
  used: sentence,
  share: nonNegative,
  quality: orNull(quality),
  state: oneOf('open', 'warned', 'held', 'lifted'),
  until: orNull(timestamp),
  note: orNull(sentence)
});

/** Fields of every frame. */
const frameHeader = { v: oneOf(VERSION), app: oneOf(APP), run: id };

const snapshot: Reader<ISnapshot> = object<ISnapshot>({
  ...frameHeader,
  type: oneOf('snapshot'),
  seq: count,
  sent_at: timestamp,
  notebook: orNull(label),
  project: label,
  phase: oneOf('busy', 'idle', 'off'),
  watts: orNull(number(-1e9, 1e9)),
  watts_quality: orNull(quality),
  devices: list(device, 1024),
  problem: orNull(
    object<{ sentence: string; command: string | null }>({
      sentence,
      command: orNull(lines(4096))
    })
  ),
  running: orNull(cell),
  cells: list(cell, 500),
  totals,
  today: orNull(figure),
  baseline: orNull(baselineHead),
  budgets: list(budget, 16),
  notice: orNull(sentence)
});

const history: Reader<IHistory> = object<IHistory>({
  ...frameHeader,
  type: oneOf('history'),
  seq: count,
  cells: list(cell, 1000),
  page: count,
  pages: count
});

const answer: Reader<IAnswer> = object<IAnswer>({
  ...frameHeader,
  type: oneOf('answer'),
  to: id,
  ok: bool,
  message: sentence
});

const frame: Reader<Frame> = value => {
  if (!isObject(value) || value.app !== APP) {
    throw new ValidationError('shape', ['app']);
  }
  if (value.v !== VERSION) {
    throw new ValidationError('version', [String(value.v)]);
  }
  switch (value.type) {
    case 'snapshot':
      return snapshot(value);
    case 'history':
      return history(value);
    case 'answer':
      return answer(value);
    default:
      throw new ValidationError('shape', ['type']);
  }
};

/** Whether data claims to be one of our frames. */
export function isGreenFrame(data: unknown): boolean {
  return isObject(data) && data.app === APP;
}

/** Validate a frame. */
export function readFrame(data: unknown): Frame | ValidationError {
  return tryRead(frame, data);
}

/** The message to show for a rejected frame. */
export function frameErrorMessage(
  error: ValidationError,
  trans: TranslationBundle
): string {
  return error.kind === 'version'
    ? trans.__(
        'The kernel uses version %1 of the protocol and this page version %2: install the same release of jupyter_green for both, then reload the page.',
        error.where,
        VERSION
      )
    : trans.__(
        'The kernel sent figures that this page can’t read (%1), so they are not shown: install the same release of jupyter_green for kernel and page.',
        error.where
      );
}
