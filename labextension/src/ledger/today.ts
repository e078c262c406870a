/**
 * Today's energy of all notebooks: the others from the ledger, the current one from its kernel.
 *
 * Where the ledger is not queried, or it is not known which part of this run is today's, the kernel's own total is used.
 */
import { isKnown } from '../format/decimal';
import type { IFigure, IToday } from '../tokens';

/**
 * @param kernelTotal - The kernel's total; its share of other notebooks may be a minute old.
 * @param others - Today's energy of the other runs; null where there is none, undefined where it is not known.
 * @param own - This run's energy today; null where there is none, undefined where it is not known.
 */
export function todayTotal(
  kernelTotal: IFigure | null,
  others: IFigure | null | undefined,
  own: IFigure | null | undefined
): IToday | null {
  const mine =
    own && isKnown(own.joules) && !own.below_resolution
      ? { ...own, joules: own.joules }
      : null;
  if (others === undefined || own === undefined) {
    return kernelTotal ?? (mine && { ...mine, lowerBound: true });
  }
  if (mine === null || others === null || !isKnown(others.joules)) {
    return mine ?? others;
  }
  // Simulated and real joules are never added; where there are both, the real ones are shown.
  if ((mine.quality === 'simulated') !== (others.quality === 'simulated')) {
    return mine.quality === 'simulated' ? others : mine;
  }
  const joules = others.joules + mine.joules;
  const measured =
    (others.measured_share ?? 0) * others.joules +
    (mine.measured_share ?? 0) * mine.joules;
  return {
    joules,
    // Sensor errors of the runs are fully correlated, so half-widths add up.
    uncertainty:
      isKnown(others.uncertainty) && isKnown(mine.uncertainty)
        ? others.uncertainty + mine.uncertainty
        : null,
    quality: mine.quality === 'measured' ? others.quality : mine.quality,
    measured_share: joules > 0 ? measured / joules : null
  };
}
