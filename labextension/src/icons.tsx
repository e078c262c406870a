/**
 * Our own icons, on a grid of 14 px, drawn in the colour of the text; each differs in shape, not in colour alone.
 *
 * Words beside them say the same, so they are hidden from readers of the screen.
 */
import { Fragment, h } from './element';

const SHAPES = {
  running: (
    <>
      <circle cx="7" cy="7" r="5" fill="none" strokeOpacity=".3" />
      <path d="M7 2a5 5 0 0 1 5 5" fill="none" />
    </>
  ),
  error: (
    <>
      <circle cx="7" cy="7" r="5" fill="none" />
      <path d="M5.3 5.3l3.4 3.4M8.7 5.3l-3.4 3.4" />
    </>
  ),
  interrupted: (
    <>
      <circle cx="7" cy="7" r="5" fill="none" />
      <rect
        x="5.4"
        y="5.4"
        width="3.2"
        height="3.2"
        fill="currentColor"
        stroke="none"
      />
    </>
  ),
  killed: <path d="M3.9 3.6a5 5 0 1 0 6.2 0M7 1.5v5" fill="none" />,
  below: <path d="M10.5 2.5L4 5.2l6.5 2.8M4 11h6.5" fill="none" />,
  edited: <path d="M2.5 11.5l.6-2.6 6-6 2 2-6 6z" fill="none" />,
  warning: (
    <>
      <path d="M7 2L12.5 11.8H1.5z" fill="none" />
      <path d="M7 5.6v3M7 10.2v.2" />
    </>
  ),
  about: (
    <>
      <circle cx="7" cy="7" r="5" fill="none" />
      <path d="M7 6.5v3M7 4.3v.2" />
    </>
  ),
  sort: (
    <path
      d="M4.5 2.5v9M2.5 9.5l2 2 2-2M8.5 4h3.5M8.5 7h2.5M8.5 10h1.5"
      fill="none"
    />
  ),
  stop: <rect x="3.5" y="3.5" width="7" height="7" fill="none" />,
  start: <path d="M4.5 3v8l6.5-4z" fill="none" />,
  check: <path d="M2.5 7.5l3 3 6-7" fill="none" />,
  more: (
    <>
      <circle cx="3" cy="7" r=".6" />
      <circle cx="7" cy="7" r=".6" />
      <circle cx="11" cy="7" r=".6" />
    </>
  ),
  bolt: <path d="M8 1.5L3 8h3.5L6 12.5 11 6H7.5z" fill="none" />
} as const;

export type IconName = keyof typeof SHAPES;

export function Icon({
  name,
  role
}: {
  name: IconName;
  /** What its colour says as well: past a limit, gone wrong, running. */
  role?: 'over' | 'bad' | 'run';
}): JSX.Element {
  return (
    <svg
      className={role ? `jgp-icon jgp-${role}` : 'jgp-icon'}
      viewBox="0 0 14 14"
      width="14"
      height="14"
      aria-hidden="true"
      stroke="currentColor"
      strokeWidth="1.3"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {SHAPES[name]}
    </svg>
  );
}
