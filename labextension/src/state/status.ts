/**
 * Why there are no live figures, or that there are: decided in one place, from plain facts.
 *
 * The order is that of a person's steps: a notebook, a kernel that can be reached, one that runs Python, jupyter_green
 * in it. That a kernel is not metered is said only once it has been asked; until then the page says what it waits for.
 */
import type { Kernel } from '@jupyterlab/services';

import type { IFigure, ISnapshot, IState, Status } from '../tokens';

/** Seconds without a word from a kernel whose cell runs, after which figures are old. */
export const STALE = 5;

const INSTALL = '%pip install jupyter_green';

export interface IFacts {
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
  missing: boolean;
  snapshot: ISnapshot | null;
  /** When the last frame came, and now: seconds of the page's own clock. */
  arrived: number | null;
  now: number;
  /** What the notebook's last run used. */
  last: IFigure | null;
}

export function judge(facts: IFacts): Status {
  const { kernel, language } = facts;
  if (!facts.notebook) {
    return { kind: 'no-notebook' };
  }
  if (kernel === null || kernel === 'dead') {
    return kernel === null && facts.starting
      ? { kind: 'waiting', why: 'start' }
      : { kind: 'no-kernel', last: facts.last };
  }
  if (facts.lost) {
    return { kind: 'disconnected' };
  }
  if (language !== null && language.toLowerCase() !== 'python') {
    return { kind: 'not-python', language };
  }
  if (facts.loading) {
    return { kind: 'waiting', why: 'loading' };
  }
  if (facts.metered) {
    return metered(facts);
  }
  if (facts.missing) {
    return { kind: 'not-installed', command: INSTALL };
  }
  if (facts.metered === false) {
    return { kind: 'not-loaded' };
  }
  return { kind: 'waiting', why: kernel === 'busy' ? 'busy' : 'start' };
}

function metered(facts: IFacts): Status {
  if (facts.snapshot?.phase === 'off') {
    return { kind: 'off' };
  }
  const quiet = quietFor(facts);
  return quiet !== null && quiet >= STALE
    ? { kind: 'stale', seconds: quiet, since: facts.now - quiet }
    : { kind: 'live' };
}

/** Seconds since the last word of a kernel whose cell runs; null where it has no reason to speak. */
export function quietFor(
  facts: Pick<IFacts, 'kernel' | 'snapshot' | 'arrived' | 'now'>
): number | null {
  // A page that was reloaded meanwhile does not know that the kernel is busy, only that it is not idle.
  return facts.kernel !== 'idle' &&
    facts.snapshot?.phase === 'busy' &&
    facts.arrived !== null
    ? Math.max(0, facts.now - facts.arrived)
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
