/**
 * A stacked bar as shares: devices in one fixed order, each solid, hatched or dashed by how it came about.
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

/** The parts that have joules, in the order in which they are drawn. */
export function drawnParts(parts: readonly IPart[]): IPart[] {
  return ORDER.flatMap(kind =>
    parts.filter(
      part => part.kind === kind && isKnown(part.joules) && part.joules > 0
    )
  );
}

/**
 * Stack the parts of `joules` on a bar that is `scale` joules long.
 *
 * A figure below what the sensor resolves has no length. The lengths add up to `joules`: where the parts are of a shared device, they are drawn in proportion, and
 * as estimated, for an attribution is no measurement.
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

/** Cut a bar at `at` (0 to 1): what lies beyond is excess and drawn as such. */
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
