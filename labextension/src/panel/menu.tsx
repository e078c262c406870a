/**
 * A menu: arrow keys move, Enter selects, Escape or a click elsewhere closes it; focus returns to where it was.
 */
import * as React from 'react';
import { h } from '../jsx';
import { Icon, type IconName } from '../icons';

export interface IItem {
  label: string;
  action: () => void;
  /** For radio items: whether it is selected. */
  checked?: boolean;
  /** Whether a separator precedes it. */
  separated?: boolean;
}

export function MenuList({
  items,
  label,
  onClose,
  style
}: {
  items: readonly IItem[];
  label: string;
  onClose: (refocus: boolean) => void;
  style?: React.CSSProperties;
}): JSX.Element {
  const list = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => focusOn(list.current, 0), []);
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const nodes = choices(list.current);
    const at = nodes.indexOf(document.activeElement as HTMLElement);
    const steps: Record<string, number> = {
      ArrowDown: (at + 1) % nodes.length,
      ArrowUp: (at - 1 + nodes.length) % nodes.length,
      Home: 0,
      End: nodes.length - 1
    };
    if (event.key === 'Escape' || event.key === 'Tab') {
      onClose(event.key === 'Escape');
    } else if (event.key in steps) {
      focusOn(list.current, steps[event.key]);
    } else {
      return;
    }
    event.stopPropagation();
    if (event.key !== 'Tab') {
      event.preventDefault();
    }
  };
  return (
    <div
      ref={list}
      className="jgp-menu"
      role="menu"
      aria-label={label}
      style={style}
      onKeyDown={onKeyDown}
      onBlur={event => {
        if (!event.currentTarget.contains(event.relatedTarget)) {
          onClose(false);
        }
      }}
    >
      {items.map(item => (
        <button
          key={item.label}
          type="button"
          role={item.checked === undefined ? 'menuitem' : 'menuitemradio'}
          aria-checked={item.checked}
          tabIndex={-1}
          className={item.separated ? 'jgp-mod-apart' : undefined}
          onClick={() => {
            onClose(true);
            item.action();
          }}
        >
          <span className="jgp-check">
            {item.checked ? <Icon name="check" /> : null}
          </span>
          {item.label}
        </button>
      ))}
    </div>
  );
}

function choices(list: HTMLElement | null): HTMLElement[] {
  return Array.from(list?.querySelectorAll<HTMLElement>('button') ?? []);
}

function focusOn(list: HTMLElement | null, index: number): void {
  choices(list)[index]?.focus();
}

/** A button with a menu below it. */
export function MenuButton({
  icon,
  label,
  items
}: {
  icon: IconName;
  label: string;
  items: () => readonly IItem[];
}): JSX.Element {
  const button = React.useRef<HTMLButtonElement>(null);
  const [open, setOpen] = React.useState(false);
  return (
    <div className="jgp-menuplace">
      <button
        ref={button}
        type="button"
        className="jgp-ib"
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        onMouseDown={event => event.preventDefault()}
        onClick={() => setOpen(!open)}
        onKeyDown={event => {
          if (event.key === 'ArrowDown' && !open) {
            event.preventDefault();
            setOpen(true);
          }
        }}
      >
        <Icon name={icon} />
      </button>
      {open ? (
        <MenuList
          items={items()}
          label={label}
          onClose={refocus => {
            setOpen(false);
            if (refocus) {
              button.current?.focus();
            }
          }}
        />
      ) : null}
    </div>
  );
}
