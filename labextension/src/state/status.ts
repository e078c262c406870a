/**
 * Why there are no live figures, or that there are: decided in one place, from plain facts.
 *
 * The order is that of a person's steps: a notebook, a kernel that can be reached, one that runs Python, jupyter_green
 * in it. That a kernel is not metered is said only once it has been asked; until then the page says what it waits for.
 */
import type { Kernel } from '@jupyterlab/services';

import type { IFigure, ISnapshot, IState, Status } from '../tokens';

/** Seconds without a word from a kernel whose cell runs, after which figures are old. */
export const STALE_SECONDS = 5;

const INSTALL_COMMAND = '%pip install jupyter_green';

export interface IStatusInputs {
  notebook: boolean;
  /** A kernel is being started or chosen. */
  starting: boolean;
  /** null: there is no kernel. */
  kernel: Kernel.Status | null;
  /** The kernel's language; null where it is not known yet. */
  language: string | null;
  /** The connection was there once and is not now. */
  lost: boolean;
  /** null: the kernel could not be asked yet. */
  metered: boolean | null;
  /** The page is loading jupyter_green into the kernel. */
  loading: boolean;
  /** The kernel's Python was found to lack the package. */
  packageMissing: boolean;
  snapshot: ISnapshot | null;
  /** When the last frame came, and now: seconds of the page's own clock. */
  arrived: number | null;
  now: number;
  /** What the notebook's last run used. */
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

/** Seconds since the last word of a kernel whose cell runs; null where it has no reason to speak. */
export function silentSeconds(
  inputs: Pick<IStatusInputs, 'kernel' | 'snapshot' | 'arrived' | 'now'>
): number | null {
  // A page that was reloaded meanwhile does not know that the kernel is busy, only that it is not idle.
  return inputs.kernel !== 'idle' &&
    inputs.snapshot?.phase === 'busy' &&
    inputs.arrived !== null
    ? Math.max(0, inputs.now - inputs.arrived)
    : null;
}

/** Whether figures are in sight, below a sentence where there is one; a run without a cell has none. */
export function keepsFigures({ status, totals, busy }: IState): boolean {
  return (
    ['live', 'stale', 'disconnected', 'off'].includes(status.kind) &&
    totals !== null &&
    (totals.cells > 0 || busy)
  );
}
