/**
 * Computes the status: live, or why there are no live figures.
 *
 * Checked in the order of the user's steps: a notebook, a reachable kernel, Python, jupyter_green loaded. A kernel is
 * called "not metered" only after it was asked; until then the status says what is waited for.
 */
import type { Kernel } from '@jupyterlab/services';

import type { IFigure, ISnapshot, IState, Status } from '../tokens';

/** Seconds without a frame, while a cell runs, after which figures are stale. */
export const STALE_SECONDS = 5;

const INSTALL_COMMAND = '%pip install jupyter_green';

export interface IStatusInputs {
  notebook: boolean;
  /** A kernel is being started or selected. */
  starting: boolean;
  /** null: there is no kernel. */
  kernel: Kernel.Status | null;
  /** The kernel's language; null where it is not known yet. */
  language: string | null;
  /** The connection was established once and is lost now. */
  lost: boolean;
  /** null: the kernel was not asked yet. */
  metered: boolean | null;
  /** The page is loading jupyter_green into the kernel. */
  loading: boolean;
  /** The package is not installed in the kernel's Python. */
  packageMissing: boolean;
  snapshot: ISnapshot | null;
  /** Time of the last frame, and now: seconds of the page's clock. */
  arrived: number | null;
  now: number;
  /** The notebook's last run. */
  lastRun: IFigure | null;
}

export function statusOf(inputs: IStatusInputs): Status {
  const { kernel, language } = inputs;
  if (!inputs.notebook) {
    return { kind: 'no-notebook' };
  }
  if (kernel === null || kernel === 'dead') {
    return kernel === null && inputs.starting
      ? { kind: 'waiting', why: 'start' }
      : { kind: 'no-kernel', last: inputs.lastRun };
  }
  if (inputs.lost) {
    return { kind: 'disconnected' };
  }
  if (language !== null && language.toLowerCase() !== 'python') {
    return { kind: 'not-python', language };
  }
  if (inputs.loading) {
    return { kind: 'waiting', why: 'loading' };
  }
  if (inputs.metered) {
    return meteredStatus(inputs);
  }
  if (inputs.packageMissing) {
    return { kind: 'not-installed', command: INSTALL_COMMAND };
  }
  if (inputs.metered === false) {
    return { kind: 'not-loaded' };
  }
  return { kind: 'waiting', why: kernel === 'busy' ? 'busy' : 'start' };
}

function meteredStatus(inputs: IStatusInputs): Status {
  if (inputs.snapshot?.phase === 'off') {
    return { kind: 'off' };
  }
  const silent = silentSeconds(inputs);
  return silent !== null && silent >= STALE_SECONDS
    ? { kind: 'stale', seconds: silent, since: inputs.now - silent }
    : { kind: 'live' };
}

/** Seconds since the last frame while a cell runs; null where no frame is expected. */
export function silentSeconds(
  inputs: Pick<IStatusInputs, 'kernel' | 'snapshot' | 'arrived' | 'now'>
): number | null {
  // A reloaded page does not know that the kernel is busy, only that it is not idle.
  return inputs.kernel !== 'idle' &&
    inputs.snapshot?.phase === 'busy' &&
    inputs.arrived !== null
    ? Math.max(0, inputs.now - inputs.arrived)
    : null;
}

/** Whether figures are shown, possibly below a message; a run without cells has none. */
export function keepsFigures({ status, totals, busy }: IState): boolean {
  return (
    ['live', 'stale', 'disconnected', 'off'].includes(status.kind) &&
    totals !== null &&
    (totals.cells > 0 || busy)
  );
}
