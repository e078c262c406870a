/**
 * A button; the first of a group is filled, the others are `quiet`.
 */
import * as React from 'react';
import { h } from '../jsx';

export function Button({
  children,
  onClick,
  quiet = false,
  pressed,
  title
}: {
  children: React.ReactNode;
  onClick: () => void;
  quiet?: boolean;
  pressed?: boolean;
  title?: string;
}): JSX.Element {
  return (
    <button
      type="button"
      className={quiet ? 'jgp-btn jgp-mod-quiet' : 'jgp-btn'}
      aria-pressed={pressed}
      title={title}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
