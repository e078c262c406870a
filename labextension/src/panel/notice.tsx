/**
 * A one-sentence notice with an icon.
 */
import * as React from 'react';
import { h } from '../jsx';
import { Icon } from '../icons';

export function Notice({
  children,
  warning = false,
  onDismiss,
  dismissLabel
}: {
  children: React.ReactNode;
  warning?: boolean;
  onDismiss?: () => void;
  dismissLabel?: string;
}): JSX.Element {
  return (
    <div className="jgp-note">
      {warning ? <Icon name="warning" role="over" /> : <Icon name="about" />}
      <span>{children}</span>
      {onDismiss ? (
        <button
          type="button"
          className="jgp-dismiss"
          aria-label={dismissLabel}
          title={dismissLabel}
          onClick={onDismiss}
        >
          ×
        </button>
      ) : null}
    </div>
  );
}
