/**
 * An inline form for a name or a path: Enter submits, Escape cancels.
 */
import * as React from 'react';
import { h } from '../jsx';
import { Button } from './button';

export function NameForm({
  label,
  submit,
  cancel,
  optional = false,
  initial,
  children,
  onSubmit,
  onCancel
}: {
  label: string;
  submit: string;
  cancel?: string;
  /** Whether an empty value is allowed. */
  optional?: boolean;
  initial?: string;
  /** Further fields. */
  children?: React.ReactNode;
  onSubmit: (name: string) => void;
  onCancel?: () => void;
}): JSX.Element {
  const field = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => {
    if (onCancel) {
      field.current?.focus();
    }
  }, []);
  return (
    <form
      className="jgp-form"
      onSubmit={event => {
        event.preventDefault();
        const name = field.current?.value.trim() ?? '';
        if (name !== '' || optional) {
          onSubmit(name);
        } else {
          field.current?.focus();
        }
      }}
      onKeyDown={event => {
        if (event.key === 'Escape' && onCancel) {
          event.stopPropagation();
          onCancel();
        }
      }}
    >
      <input
        ref={field}
        type="text"
        maxLength={200}
        defaultValue={initial}
        placeholder={label}
        aria-label={label}
        spellCheck={false}
      />
      {children}
      <button type="submit" className="jgp-btn jgp-mod-quiet">
        {submit}
      </button>
      {cancel && onCancel ? (
        <Button quiet onClick={onCancel}>
          {cancel}
        </Button>
      ) : null}
    </form>
  );
}
