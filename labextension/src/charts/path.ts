/**
 * Lines with gaps: a reading that is missing interrupts the line, it is never drawn as 0.
 */
import { known } from '../format/decimal';
import { px, type Scale } from './scale';

export interface IPoint {
  x: number;
  y: number | null;
}

/** The stretches without a gap: cut where a reading is absent, and where more than `reach` lies between two. */
export function stretches(
  points: readonly IPoint[],
  reach = Infinity
): { x: number; y: number }[][] {
  const found: { x: number; y: number }[][] = [];
  let last: { x: number; y: number } | null = null;
  for (const { x, y } of points) {
    if (!known(y) || !known(x)) {
      last = null;
      continue;
    }
    if (last === null || x - last.x > reach || x < last.x) {
      found.push([]);
    }
    last = { x, y };
    found[found.length - 1].push(last);
  }
  return found;
}

/** The line through a stretch as an SVG path; a lone point becomes a short dash, so that it is seen. */
export function line(
  stretch: readonly { x: number; y: number }[],
  x: Scale,
  y: Scale
): string {
  const steps = stretch.map(point => `${px(x(point.x))},${px(y(point.y))}`);
  return steps.length === 1 ? `M${steps[0]}h1` : `M${steps.join('L')}`;
}

/** The area between a stretch and the ground. */
export function area(
  stretch: readonly { x: number; y: number }[],
  x: Scale,
  y: Scale,
  ground: number
): string {
  const first = px(x(stretch[0].x));
  const last = px(x(stretch[stretch.length - 1].x));
  return `${line(stretch, x, y)}L${last},${ground}L${first},${ground}Z`;
}
