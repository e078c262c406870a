/**
 * What all notebooks used today: the kernel's word or the ledger's, but never less than this notebook's own.
 *
 * The kernel adds what this notebook uses to what the ledger tells of the others. Until it has heard from the ledger
 * there is the ledger's own sum, which lags: the cell that runs is not in it, nor what is on its way. Where that is
 * behind the notebook that it holds, no more is known than that it is at least as much.
 */
import { known } from './decimal';
import type { IFigure, IToday } from './tokens';

export function todays(
  told: IFigure | null | undefined,
  ledgers: IFigure | null,
  own: IFigure | null | undefined
): IToday | null {
  if (told) {
    // Both are of the same day and both lag, each in its own way: the larger one is nearer.
    const more =
      ledgers !== null &&
      (told.quality === 'simulated') === (ledgers.quality === 'simulated') &&
      (ledgers.joules ?? 0) > (told.joules ?? 0);
    return more ? ledgers : told;
  }
  if (!own || !known(own.joules) || own.below_resolution) {
    return ledgers;
  }
  // Simulated joules are never added to real ones, so neither is behind the other.
  const behind =
    !ledgers ||
    ((own.quality === 'simulated') === (ledgers.quality === 'simulated') &&
      (ledgers.joules ?? 0) < own.joules);
  return behind ? { ...own, least: true } : ledgers;
}
