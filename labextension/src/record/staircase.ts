/**
 * The course of power as lanes, one per device: a mean holds until the next reading, a gap stays a gap.
 *
 * Each lane starts at 0 and has its own peak, because a board of 300 W would flatten a processor of 5 W.
 */
import { known } from '../decimal';
import { px } from '../charts/scale';
import type { ITrace, Points } from './energy';

export const LANE = { width: 1000, height: 30 };

export interface ILane {
  device: string;
  /** The readings, without gaps. */
  watts: number[];
  gaps: boolean;
  /** For each stretch without a gap its line, and the area below it, as SVG paths. */
  stretches: { line: string; area: string }[];
}

/** The lanes in the order of the devices. */
export function lanes({ series, seconds }: ITrace): ILane[] {
  return series.map(([device, all]) => {
    const points = all
      .filter(([at]) => at <= seconds)
      .sort(([one], [other]) => one - other);
    const watts = points.map(([_, each]) => each).filter(known);
    return {
      device,
      watts,
      gaps: watts.length < points.length,
      stretches: stretches(points, seconds, Math.max(0, ...watts) || 1)
    };
  });
}

function stretches(
  points: Points,
  seconds: number,
  peak: number
): ILane['stretches'] {
  const across = (at: number): number =>
    px((LANE.width * Math.max(0, at)) / seconds);
  const up = (watts: number): number =>
    px(LANE.height - 1 - ((LANE.height - 3) * watts) / peak);
  const found: ILane['stretches'] = [];
  let start = '';
  let steps = '';
  points.forEach(([at, watts], index) => {
    const next = points[index + 1]?.[0] ?? seconds;
    if (watts !== null && next > at) {
      start ||= String(across(at));
      steps += `V${up(watts)}H${across(next)}`;
    }
    if (start !== '' && (watts === null || index === points.length - 1)) {
      const first = steps.slice(1, steps.indexOf('H'));
      found.push({
        line: `M${start},${first}${steps}`,
        area: `M${start},${LANE.height}${steps}V${LANE.height}Z`
      });
      start = steps = '';
    }
  });
  return found;
}
