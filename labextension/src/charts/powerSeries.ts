/**
 * The course of power: the last minute before the newest point, and the cells that ran in it.
 *
 * The clock is the kernel's alone (the newest point is "now"), so that a browser with another time draws the
 * same picture.
 */
import { known } from '../format/decimal';
import type { ICell, IPower } from '../tokens';

export const WINDOW_SECONDS = 60;

/** Readings come at least once a second while something runs; a longer silence is a gap. */
export const GAP_SECONDS = 2.5;

export interface ISpan {
  cell: string;
  from: number;
  to: number;
}

export interface ICourse {
  from: number;
  to: number;
  points: IPower[];
  spans: ISpan[];
  highest: number | null;
  idle: number | null;
}

/** The last stretch of power; null where there is no point. */
export function course(
  power: readonly IPower[],
  width = WINDOW_SECONDS
): ICourse | null {
  if (power.length === 0) {
    return null;
  }
  const to = power[power.length - 1].at;
  const from = to - width;
  const points = power.filter(point => point.at >= from && point.at <= to);
  const read = points.filter(point => known(point.watts));
  const idle = read.filter(point => point.cell === null);
  const watts = (point: IPower): number => point.watts ?? 0;
  return {
    from,
    to,
    points,
    spans: spans(points),
    highest: read.length > 0 ? Math.max(...read.map(watts)) : null,
    idle:
      idle.length > 0
        ? idle.reduce((sum, point) => sum + watts(point), 0) / idle.length
        : null
  };
}

/** The highest power of a course: of its points, and of the cells that ended in it, for a short one ends between two. */
export function highest(
  course: ICourse,
  cells: readonly ICell[]
): number | null {
  const means = cells
    .filter(
      ({ figure, final, started_at, seconds }) =>
        final &&
        seconds > 0 &&
        known(figure.joules) &&
        !figure.below_resolution &&
        started_at + seconds >= course.from &&
        started_at <= course.to
    )
    .map(({ figure, seconds }) => (figure.joules ?? 0) / seconds);
  const all = course.highest === null ? means : [course.highest, ...means];
  return all.length > 0 ? Math.max(...all) : null;
}

/** Where each cell began and ended, as far as points tell. */
function spans(points: readonly IPower[]): ISpan[] {
  const found: ISpan[] = [];
  let open: ISpan | null = null;
  for (const { at, cell } of points) {
    if (open && cell === open.cell) {
      open.to = at;
    } else {
      open = cell === null ? null : { cell, from: at, to: at };
      if (open) {
        found.push(open);
      }
    }
  }
  return found;
}
