/**
 * What all notebooks used today: the others as the ledger tells, this one as its kernel does.
 *
 * Where the ledger is not asked by the page, or this run began before today, the kernel's own sum is taken.
 */
import { isKnown } from '../format/decimal';
import type { IFigure, IToday } from '../tokens';

/**
 * @param told The kernel's sum, whose word of the others may be a minute old.
 * @param others What the other runs used; null where they used nothing, undefined where the ledger has not told.
 * @param own What this run used today; null where that is not known.
 */
export function todayTotal(
  kernelTotal: IFigure | null,
  others: IFigure | null | undefined,
  own: IFigure | null
): IToday | null {
  const mine =
    own && isKnown(own.joules) && !own.below_resolution
      ? { ...own, joules: own.joules }
      : null;
  if (others === undefined || own === null) {
    return kernelTotal ?? (mine && { ...mine, lowerBound: true });
  }
  if (mine === null || others === null || !isKnown(others.joules)) {
    return mine ?? others;
  }
  // Simulated joules are never added to real ones; where there are both, the real ones are told.
  if ((mine.quality === 'simulated') !== (others.quality === 'simulated')) {
    return mine.quality === 'simulated' ? others : mine;
  }
  const joules = others.joules + mine.joules;
  const measured =
    (others.measured_share ?? 0) * others.joules +
    (mine.measured_share ?? 0) * mine.joules;
  return {
    joules,
    // The runs' sensors lean the same way: their half-widths add up.
    uncertainty:
      isKnown(others.uncertainty) && isKnown(mine.uncertainty)
        ? others.uncertainty + mine.uncertainty
        : null,
    quality: mine.quality === 'measured' ? others.quality : mine.quality,
    measured_share: joules > 0 ? measured / joules : null
  };
}
