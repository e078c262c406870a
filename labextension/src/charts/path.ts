/**
 * SVG paths of lines with gaps: a missing reading interrupts the line and is never drawn as 0.
 */
import { isKnown } from '../format/decimal';
import { px, type Scale } from './scale';

export interface IPoint {
  x: number;
  y: number | null;
}

/** Split points at missing readings and where two are more than `maxGap` apart. */
export function splitAtGaps(
  points: readonly IPoint[],
  maxGap = Infinity
): { x: number; y: number }[][] {
  const pieces: { x: number; y: number }[][] = [];
  let last: { x: number; y: number } | null = null;
  for (const { x, y } of points) {
    if (!isKnown(y) || !isKnown(x)) {
      last = null;
      continue;
    }
    if (last === null || x - last.x > maxGap || x < last.x) {
      pieces.push([]);
    }
    last = { x, y };
    pieces[pieces.length - 1].push(last);
  }
  return pieces;
}

/** SVG path of a line; a single point becomes a short dash so that it is visible. */
export function linePath(
  piece: readonly { x: number; y: number }[],
  x: Scale,
  y: Scale
): string {
  const steps = piece.map(point => `${px(x(point.x))},${px(y(point.y))}`);
  return steps.length === 1 ? `M${steps[0]}h1` : `M${steps.join('L')}`;
}

/** SVG path of the area between a line and the axis at `ground`. */
export function areaPath(
  piece: readonly { x: number; y: number }[],
  x: Scale,
  y: Scale,
  ground: number
): string {
  const first = px(x(piece[0].x));
  const last = px(x(piece[piece.length - 1].x));
  return `${linePath(piece, x, y)}L${last},${ground}L${first},${ground}Z`;
}
