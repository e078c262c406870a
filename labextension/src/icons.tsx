/**
 * Icons on a grid of 14 px in the colour of the text; they differ in shape, not only in colour.
 *
 * Text beside them says the same, so they are hidden from screen readers.
 */
import { h } from './jsx';

const RING = 'M2 7a5 5 0 1 0 10 0a5 5 0 1 0-10 0';
const DOT = 'a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0';

const SHAPES = {
  running: 'M7 2a5 5 0 0 1 5 5',
  error: `${RING}M5.3 5.3l3.4 3.4M8.7 5.3l-3.4 3.4`,
  interrupted: `${RING}M6 6h2v2H6zM7 7h.01`,
  killed: 'M3.9 3.6a5 5 0 1 0 6.2 0M7 1.5v5',
  below: 'M10.5 2.5L4 5.2l6.5 2.8M4 11h6.5',
  edited: 'M2.5 11.5l.6-2.6 6-6 2 2-6 6z',
  warning: 'M7 2L12.5 11.8H1.5zM7 5.6v3M7 10.2v.2',
  about: `${RING}M7 6.5v3M7 4.3v.2`,
  sort: 'M4.5 2.5v9M2.5 9.5l2 2 2-2M8.5 4h3.5M8.5 7h2.5M8.5 10h1.5',
  stop: 'M3.5 3.5h7v7h-7z',
  start: 'M4.5 3v8l6.5-4z',
  check: 'M2.5 7.5l3 3 6-7',
  more: `M2.4 7${DOT}M6.4 7${DOT}M10.4 7${DOT}`,
  bolt: 'M8 1.5L3 8h3.5L6 12.5 11 6H7.5z'
} as const;

export type IconName = keyof typeof SHAPES;

export function Icon({
  name,
  role
}: {
  name: IconName;
  /** Colour: over a limit, failed, running. */
  role?: 'over' | 'bad' | 'run';
}): JSX.Element {
  return (
    <svg
      className={role ? `jgp-icon jgp-${role}` : 'jgp-icon'}
      viewBox="0 0 14 14"
      width="14"
      height="14"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.3"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {name === 'running' ? <path d={RING} strokeOpacity=".3" /> : null}
      <path d={SHAPES[name]} />
    </svg>
  );
}
