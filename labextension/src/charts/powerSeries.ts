/**
 * Power over the last minute, and the cells that ran in it.
 *
 * All times are the kernel's, with the newest point as "now", so the browser's clock doesn't matter.
 */
import { isKnown } from '../format/decimal';
import type { ICell, IPowerPoint } from '../tokens';

export const WINDOW_SECONDS = 60;

/** Readings come at least once a second while a cell runs; a longer interval is drawn as a gap. */
export const GAP_SECONDS = 2.5;

export interface ICellSpan {
  cell: string;
  from: number;
  to: number;
}

export interface IPowerSeries {
  from: number;
  to: number;
  points: IPowerPoint[];
  spans: ICellSpan[];
  peak: number | null;
  idle: number | null;
}

/** The power over the last `width` seconds; null without points. */
export function powerSeries(
  power: readonly IPowerPoint[],
  width = WINDOW_SECONDS
): IPowerSeries | null {
  if (power.length === 0) {
    return null;
  }
  const to = power[power.length - 1].at;
  const from = to - width;
  const points = power.filter(point => point.at >= from && point.at <= to);
  const readings = points.filter(point => isKnown(point.watts));
  const idle = readings.filter(point => point.cell === null);
  const watts = (point: IPowerPoint): number => point.watts ?? 0;
  return {
    from,
    to,
    points,
    spans: cellSpans(points),
    peak: readings.length > 0 ? Math.max(...readings.map(watts)) : null,
    idle:
      idle.length > 0
        ? idle.reduce((sum, point) => sum + watts(point), 0) / idle.length
        : null
  };
}

/** The peak power. It includes the mean power of short cells, which may fall between two points. */
export function peakPower(
  series: IPowerSeries,
  cells: readonly ICell[]
): number | null {
  const means = cells
    .filter(
      ({ figure, final, started_at, seconds }) =>
        final &&
        seconds > 0 &&
        isKnown(figure.joules) &&
        !figure.below_resolution &&
        started_at + seconds >= series.from &&
        started_at <= series.to
    )
    .map(({ figure, seconds }) => (figure.joules ?? 0) / seconds);
  const all = series.peak === null ? means : [series.peak, ...means];
  return all.length > 0 ? Math.max(...all) : null;
}

/** Start and end of each cell, from the points. */
function cellSpans(points: readonly IPowerPoint[]): ICellSpan[] {
  const result: ICellSpan[] = [];
  let open: ICellSpan | null = null;
  for (const { at, cell } of points) {
    if (open && cell === open.cell) {
      open.to = at;
    } else {
      open = cell === null ? null : { cell, from: at, to: at };
      if (open) {
        result.push(open);
      }
    }
  }
  return result;
}
