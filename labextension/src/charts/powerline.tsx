/**
 * Chart of the last minute's power; shaded spans are cells, missing readings are gaps.
 */
import { Fragment, h } from '../jsx';
import { GAP_SECONDS, type IPowerSeries } from './powerSeries';
import { areaPath, linePath, splitAtGaps } from './path';
import { linear, px } from './scale';
import { useWidth } from './width';

const HEIGHT = 52;
const AXIS_Y = HEIGHT - 0.5;
/** Minimum distance between two cell numbers, in pixels. */
const LABEL_WIDTH = 22;

export function Powerline({
  series,
  label,
  live,
  quality,
  nameOf
}: {
  series: IPowerSeries;
  label: string;
  /** Whether the newest point is current; it is then marked with a dot. */
  live: boolean;
  quality: 'measured' | 'estimated' | 'simulated' | null;
  /** The number of a cell; empty where it has none. */
  nameOf: (cell: string) => string;
}): JSX.Element {
  const [container, width] = useWidth<HTMLDivElement>();
  const x = linear([series.from, series.to], [0, width - 3]);
  const y = linear([0, (series.peak ?? 0) * 1.12 || 1], [AXIS_Y, 1]);
  const lines = splitAtGaps(
    series.points.map(point => ({ x: point.at, y: point.watts })),
    GAP_SECONDS
  );
  const last = series.points[series.points.length - 1];
  let nextFree = -Infinity;
  const labels = series.spans.flatMap(span => {
    const at = x(span.from);
    const name = nameOf(span.cell);
    if (name === '' || at < nextFree || at > width - 10) {
      return [];
    }
    nextFree = at + LABEL_WIDTH;
    return [{ at, name }];
  });
  const unsure =
    quality === 'measured' || quality === null ? '' : ' jgp-mod-unsure';
  return (
    <div className={`jgp-spark${unsure}`} ref={container}>
      <svg
        width={width}
        height={HEIGHT}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label={label}
      >
        {series.spans.map(span => (
          <rect
            key={`${span.cell} ${span.from}`}
            className="jgp-span"
            x={px(x(span.from))}
            y={0}
            width={Math.max(1, px(x(span.to) - x(span.from)))}
            height={HEIGHT}
          />
        ))}
        {series.idle === null ? null : (
          <line
            className="jgp-idleline"
            x1={0}
            x2={width}
            y1={px(y(series.idle))}
            y2={px(y(series.idle))}
          />
        )}
        {lines.map(piece => (
          <Fragment key={piece[0].x}>
            <path className="jgp-area" d={areaPath(piece, x, y, AXIS_Y)} />
            <path className="jgp-line" d={linePath(piece, x, y)} />
          </Fragment>
        ))}
        {live && last.watts !== null ? (
          <circle cx={px(x(last.at))} cy={px(y(last.watts))} r={2.5} />
        ) : null}
        <line className="jgp-axis" x1={0} x2={width} y1={AXIS_Y} y2={AXIS_Y} />
      </svg>
      <div className="jgp-x" aria-hidden="true">
        {labels.map(({ at, name }) => (
          <span key={`${name} ${at}`} style={{ left: `${px(at)}px` }}>
            {name}
          </span>
        ))}
      </div>
    </div>
  );
}
