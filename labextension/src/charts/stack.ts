/**
 * A stacked bar as shares: device kinds in a fixed order, each drawn by its quality.
 */
import { isKnown } from '../format/decimal';
import type { IFigure, IPart, Kind, Quality } from '../tokens';

export interface ISegment {
  kind: Kind | 'over';
  quality: Quality;
  /** Share of the whole bar, 0 to 1. */
  share: number;
}

const ORDER: readonly Kind[] = ['gpu', 'cpu', 'dram', 'other'];

/** The parts with a positive energy, in drawing order. */
export function drawnParts(parts: readonly IPart[]): IPart[] {
  return ORDER.flatMap(kind =>
    parts.filter(
      part => part.kind === kind && isKnown(part.joules) && part.joules > 0
    )
  );
}

/**
 * Stack the parts of `joules` on a bar whose full length is `scale` joules.
 *
 * A figure below the sensor's resolution has length 0. The lengths add up to `joules`: parts of a shared device are
 * scaled down proportionally and drawn as estimated, since attribution is not a measurement.
 */
export function stack(
  joules: number | null,
  figure: IFigure,
  parts: readonly IPart[],
  scale: number
): ISegment[] {
  if (
    !isKnown(joules) ||
    !(joules > 0) ||
    !(scale > 0) ||
    figure.below_resolution
  ) {
    return [];
  }
  const attributed = isKnown(figure.joules) && joules !== figure.joules;
  const partsRead = drawnParts(parts);
  const whole = partsRead.reduce((sum, part) => sum + (part.joules ?? 0), 0);
  if (!(whole > 0) || !Number.isFinite(whole)) {
    const quality = attributed
      ? attributedQuality(figure.quality)
      : figure.quality;
    return [{ kind: 'other', quality, share: Math.min(1, joules / scale) }];
  }
  return partsRead.map(part => ({
    kind: part.kind,
    quality: attributed ? attributedQuality(part.quality) : part.quality,
    share: Math.min(1, ((part.joules ?? 0) / whole) * (joules / scale))
  }));
}

function attributedQuality(quality: Quality): Quality {
  return quality === 'measured' ? 'estimated' : quality;
}

/** Cut a bar at `at` (0 to 1); the rest becomes one `over` segment. */
export function cut(segments: readonly ISegment[], at: number): ISegment[] {
  const inside: ISegment[] = [];
  let remaining = at;
  let excess = 0;
  for (const segment of segments) {
    const share = Math.max(0, Math.min(segment.share, remaining));
    if (share > 0) {
      inside.push({ ...segment, share });
    }
    remaining -= share;
    excess += segment.share - share;
  }
  return excess > 0
    ? [...inside, { kind: 'over', quality: 'measured', share: excess }]
    : inside;
}
