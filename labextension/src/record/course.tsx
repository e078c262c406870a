/**
 * The course of power of a record: a picture for the eye, and one sentence for who can't see it.
 *
 * A simulated course says so inside the picture.
 */
import { Fragment, h } from '../element';
import { seconds, watts } from '../format';
import { line } from '../line';
import type { Words } from '../words';
import type { ITrace } from './energy';
import { LANE, lanes, type ILane } from './staircase';

const TEXT = 16;
const GAP = 4;
const FOOT = 16;
const MOST_LANES = 16;
const LEAST_POINTS = 3;

export function Course({
  words,
  trace
}: {
  words: Words;
  trace: ITrace;
}): JSX.Element | null {
  const { trans } = words;
  const shown = lanes(trace).slice(0, MOST_LANES);
  if (!shown.some(lane => lane.watts.length >= LEAST_POINTS)) {
    return null;
  }
  const each = TEXT + LANE.height + GAP;
  const height = shown.length * each + FOOT;
  const base = height - 4;
  const lasted = seconds(trace.seconds);
  const said = shown.map(lane => told(words, lane)).join('; ');
  return (
    <svg
      className="jgp-course"
      width="100%"
      height={height}
      role="img"
      aria-label={
        trace.simulated
          ? trans.__('Simulated power over %1: %2', lasted, said)
          : trans.__('Power over %1: %2', lasted, said)
      }
    >
      {shown.map((lane, index) => (
        <Fragment key={index}>
          <text y={index * each + 12}>{line(lane.device, 30)}</text>
          <text x="100%" y={index * each + 12} textAnchor="end">
            {lane.watts.length > 0
              ? trans.__('peak %1', watts(Math.max(...lane.watts)))
              : trans.__('no readings')}
          </text>
          <svg
            y={index * each + TEXT}
            width="100%"
            height={LANE.height}
            viewBox={`0 0 ${LANE.width} ${LANE.height}`}
            preserveAspectRatio="none"
          >
            <path
              className="jgp-axis"
              d={`M0,${LANE.height - 0.5}H${LANE.width}`}
            />
            {lane.stretches.map(stretch => (
              <Fragment key={stretch.line}>
                <path className="jgp-area" d={stretch.area} />
                <path className="jgp-line" d={stretch.line} />
              </Fragment>
            ))}
          </svg>
        </Fragment>
      ))}
      <text y={base}>0</text>
      {trace.simulated ? (
        <text x="50%" y={base} textAnchor="middle">
          {words.quality('simulated')}
        </text>
      ) : null}
      <text x="100%" y={base} textAnchor="end">
        {lasted}
      </text>
    </svg>
  );
}

function told({ trans }: Words, lane: ILane): string {
  const name = line(lane.device, 60);
  if (lane.watts.length === 0) {
    return trans.__('%1 no readings', name);
  }
  const range = trans.__(
    '%1 %2 to %3',
    name,
    watts(Math.min(...lane.watts)),
    watts(Math.max(...lane.watts))
  );
  return lane.gaps ? trans.__('%1, with gaps', range) : range;
}
