/**
 * A bar: solid is measured, hatched is estimated, dashed is simulated; a vertical tick marks the baseline.
 */
import { h } from '../jsx';
import type { Quality } from '../tokens';
import type { ISegment } from './stack';

const MARKS: Readonly<Record<Quality, string>> = {
  measured: '',
  estimated: ' jgp-est',
  simulated: ' jgp-sim'
};

/** The CSS class of a segment, for bars and legends. */
export function segmentClass(kind: ISegment['kind'], quality: Quality): string {
  return `jgp-${kind}${kind === 'over' ? '' : MARKS[quality]}`;
}

export interface ITick {
  /** Position as a share of the bar, 0 to 1. */
  at: number;
  /** Marks the baseline's whole run rather than the cells compared so far. */
  dashed?: boolean;
}

export function Bar({
  segments,
  ticks = [],
  big = false,
  label
}: {
  segments: readonly ISegment[];
  ticks?: readonly ITick[];
  big?: boolean;
  label?: string;
}): JSX.Element {
  const percent = (share: number): string =>
    `${(100 * Math.max(0, Math.min(1, share))).toFixed(2)}%`;
  return (
    <div
      className={big ? 'jgp-bar jgp-mod-big' : 'jgp-bar'}
      role={label ? 'img' : undefined}
      aria-label={label}
      title={label}
    >
      {segments.map(segment => (
        <i
          key={`${segment.kind} ${segment.quality}`}
          className={segmentClass(segment.kind, segment.quality)}
          style={{ width: percent(segment.share) }}
        />
      ))}
      {ticks.map(tick => (
        <b
          key={tick.dashed ? 'whole' : 'baseline'}
          className={tick.dashed ? 'jgp-mod-dashed' : undefined}
          style={{ left: percent(tick.at) }}
        />
      ))}
    </div>
  );
}
