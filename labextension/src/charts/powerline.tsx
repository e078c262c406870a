/**
 * The last minute of power: shaded spans are cells, a missing reading is a gap in the line.
 */
import { Fragment, h } from '../element';
import { GAP_SECONDS, type ICourse } from './powerSeries';
import { area, line, stretches } from './path';
import { linear, px } from './scale';
import { useWidth } from './width';

const HEIGHT = 52;
const GROUND = HEIGHT - 0.5;
/** A number under a span needs this much room, in pixels. */
const ROOM = 22;

export function Powerline({
  course,
  label,
  live,
  quality,
  nameOf
}: {
  course: ICourse;
  label: string;
  /** Whether the newest point is now: then it has a dot. */
  live: boolean;
  quality: 'measured' | 'estimated' | 'simulated' | null;
  /** The number of a cell, '' where it has none. */
  nameOf: (cell: string) => string;
}): JSX.Element {
  const [place, width] = useWidth<HTMLDivElement>();
  const x = linear([course.from, course.to], [0, width - 3]);
  const y = linear([0, (course.highest ?? 0) * 1.12 || 1], [GROUND, 1]);
  const lines = stretches(
    course.points.map(point => ({ x: point.at, y: point.watts })),
    GAP_SECONDS
  );
  const last = course.points[course.points.length - 1];
  let free = -Infinity;
  const labels = course.spans.flatMap(span => {
    const at = x(span.from);
    const name = nameOf(span.cell);
    if (name === '' || at < free || at > width - 10) {
      return [];
    }
    free = at + ROOM;
    return [{ at, name }];
  });
  const unsure =
    quality === 'measured' || quality === null ? '' : ' jgp-mod-unsure';
  return (
    <div className={`jgp-spark${unsure}`} ref={place}>
      <svg
        width={width}
        height={HEIGHT}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label={label}
      >
        {course.spans.map(span => (
          <rect
            key={`${span.cell} ${span.from}`}
            className="jgp-span"
            x={px(x(span.from))}
            y={0}
            width={Math.max(1, px(x(span.to) - x(span.from)))}
            height={HEIGHT}
          />
        ))}
        {course.idle === null ? null : (
          <line
            className="jgp-idleline"
            x1={0}
            x2={width}
            y1={px(y(course.idle))}
            y2={px(y(course.idle))}
          />
        )}
        {lines.map(stretch => (
          <Fragment key={stretch[0].x}>
            <path className="jgp-area" d={area(stretch, x, y, GROUND)} />
            <path className="jgp-line" d={line(stretch, x, y)} />
          </Fragment>
        ))}
        {live && last.watts !== null ? (
          <circle cx={px(x(last.at))} cy={px(y(last.watts))} r={2.5} />
        ) : null}
        <line className="jgp-axis" x1={0} x2={width} y1={GROUND} y2={GROUND} />
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
