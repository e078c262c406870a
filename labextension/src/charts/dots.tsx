/**
 * Runs of a notebook as dots with 95 % intervals on an axis that starts at 0; the baseline is a line.
 */
import { Fragment, h } from '../jsx';
import { isKnown } from '../format/decimal';
import type { Quality } from '../tokens';
import { linear, px, ticks } from './scale';
import { useWidth } from './width';

const HEIGHT = 118;
/** Height of a line of text. A baseline closer to the axis than this gets no text in the chart. */
const TEXT_HEIGHT = 11;
const AXIS_Y = HEIGHT - 8;
/** Pixels at the right for the axis labels. */
const MARGIN = 44;

export interface IDot {
  key: string;
  joules: number | null;
  uncertainty: number | null;
  quality: Quality;
  /** Whether the run still goes on. */
  open: boolean;
  title: string;
}

export function Dots({
  dots,
  baseline,
  baselineText,
  textOf,
  selected,
  label
}: {
  /** Oldest first. */
  dots: readonly IDot[];
  baseline: { joules: number; uncertainty: number | null } | null;
  baselineText: string;
  /** The axis label for a number of joules. */
  textOf: (joules: number) => string;
  selected: string | null;
  label: string;
}): JSX.Element {
  const [container, width] = useWidth<HTMLDivElement>();
  const readings = dots.filter(dot => isKnown(dot.joules));
  const top = Math.max(
    0,
    ...readings.map(dot => (dot.joules ?? 0) + (dot.uncertainty ?? 0)),
    baseline ? baseline.joules + (baseline.uncertainty ?? 0) : 0
  );
  const end = width - MARGIN;
  const x = linear([0, Math.max(1, dots.length - 1)], [8, end - 8]);
  const y = linear([0, top || 1], [AXIS_Y, 8]);
  const band = baseline?.uncertainty ?? 0;
  const base = baseline ? y(baseline.joules) : -TEXT_HEIGHT;
  const isClear = (joules: number): boolean =>
    joules === 0 || Math.abs(y(joules) - base) >= TEXT_HEIGHT;
  return (
    <div className="jgp-runs" ref={container}>
      <svg
        width={width}
        height={HEIGHT}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label={label}
      >
        {baseline ? (
          <>
            <rect
              className="jgp-band"
              x={0}
              width={end}
              y={px(y(baseline.joules + band))}
              height={px(Math.max(1, y(-band) - y(band)))}
            />
            <line
              className="jgp-ours"
              x1={0}
              x2={end}
              y1={px(base)}
              y2={px(base)}
            />
            {AXIS_Y - base < TEXT_HEIGHT ? null : (
              <text x={width} y={px(base + 4)} textAnchor="end">
                {baselineText}
              </text>
            )}
          </>
        ) : null}
        {dots.map((dot, index) =>
          isKnown(dot.joules) ? (
            <Dot
              key={dot.key}
              dot={dot}
              x={px(x(dots.length === 1 ? 0.5 : index))}
              y={y}
              selected={dot.key === selected}
            />
          ) : null
        )}
        {ticks(top).map(joules => {
          const at = px(y(joules));
          return (
            <Fragment key={joules}>
              <line
                className="jgp-axis"
                x1={joules === 0 ? 0 : end - 4}
                x2={end}
                y1={at}
                y2={at}
              />
              {isClear(joules) ? (
                <text x={width} y={px(at + 4)} textAnchor="end">
                  {textOf(joules)}
                </text>
              ) : null}
            </Fragment>
          );
        })}
      </svg>
    </div>
  );
}

function Dot({
  dot,
  x,
  y,
  selected
}: {
  dot: IDot;
  x: number;
  y: (value: number) => number;
  selected: boolean;
}): JSX.Element {
  const joules = dot.joules ?? 0;
  const uncertainty = dot.uncertainty ?? 0;
  const high = px(y(joules + uncertainty));
  const low = px(y(Math.max(0, joules - uncertainty)));
  const measured = dot.quality === 'measured';
  const dashes = measured ? undefined : '1.6 1.6';
  return (
    <g className={selected ? 'jgp-dot jgp-mod-selected' : 'jgp-dot'}>
      <title>{dot.title}</title>
      {uncertainty > 0 ? (
        <path
          className="jgp-whisker"
          strokeDasharray={dashes}
          d={`M${x},${low}V${high}M${x - 3},${low}h6M${x - 3},${high}h6`}
        />
      ) : null}
      <circle
        className={measured && !dot.open ? 'jgp-full' : 'jgp-open'}
        strokeDasharray={dashes}
        cx={x}
        cy={px(y(joules))}
        r={dot.open || !measured ? 3 : 2.5}
      />
    </g>
  );
}
