/**
 * A bar: solid is measured, hatched is estimated, dashed is simulated; an upright tick is the baseline.
 */
import { h } from '../element';
import type { Quality } from '../tokens';
import type { ISegment } from './stack';

const MARKS: Readonly<Record<Quality, string>> = {
  measured: '',
  estimated: ' jgp-est',
  simulated: ' jgp-sim'
};

/** The look of a device's part, for bars and their keys. */
export function segmentClass(kind: ISegment['kind'], quality: Quality): string {
  return `jgp-${kind}${kind === 'over' ? '' : MARKS[quality]}`;
}

export interface ITick {
  /** Share of the whole bar, 0 to 1. */
  at: number;
  /** Of a whole run, while only a part of it has run. */
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
