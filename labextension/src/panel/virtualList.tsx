/**
 * A virtual list: rows of equal height, of which only the visible ones are rendered.
 *
 * The list is one tab stop: arrow, Home, End and page keys move it, typing finds a row, Enter opens it. The row with
 * the tab stop stays rendered when it is scrolled away, so that focus is not lost.
 */
import * as React from 'react';
import { h } from '../jsx';
import {
  ROW_HEIGHT,
  visibleRange,
  rowForKey,
  scrollTopFor,
  rowForTyping
} from '../state/rows';

/** Characters typed within this time belong to one search. */
const TYPING_MS = 800;

export interface IListProps<T> {
  rows: readonly T[];
  keyOf: (row: T) => string;
  textOf: (row: T) => string;
  /** The row's accessible label and tooltip. */
  labelOf: (row: T) => string;
  classOf?: (row: T) => string;
  render: (row: T) => React.ReactNode;
  onOpen: (row: T) => void;
  onMenu?: (row: T, at: { x: number; y: number }) => void;
  onActive?: (row: T) => void;
  label: string;
  testid?: string;
  /** Minimum number of rows to show. */
  leastRows: number;
  /** The row to scroll to; a new object scrolls again. */
  goTo?: { key: string } | null;
}

export function List<T>(props: IListProps<T>): JSX.Element {
  const { rows, keyOf, goTo, onActive } = props;
  const box = React.useRef<HTMLDivElement>(null);
  const takeFocus = React.useRef(false);
  const typed = React.useRef({ text: '', at: 0 });
  const [active, setActive] = React.useState<string | null>(null);
  const [visible, setVisible] = React.useState({ first: 0, end: 24 });

  const activeIndex = React.useMemo(
    () => rows.findIndex(row => keyOf(row) === active),
    [rows, keyOf, active]
  );
  const tabStop = Math.max(0, activeIndex);

  const updateVisible = React.useCallback(() => {
    const node = box.current;
    if (node) {
      const now = visibleRange(node.scrollTop, node.clientHeight, rows.length);
      setVisible(old =>
        old.first === now.first && old.end === now.end ? old : now
      );
    }
  }, [rows.length]);
  React.useLayoutEffect(updateVisible, [updateVisible]);
  React.useEffect(() => {
    const node = box.current;
    if (!node) {
      return;
    }
    const observer = new ResizeObserver(updateVisible);
    observer.observe(node);
    return () => observer.disconnect();
  }, [updateVisible]);

  const show = (index: number): void => {
    const node = box.current;
    if (node) {
      node.scrollTop = scrollTopFor(index, node.scrollTop, node.clientHeight);
      updateVisible();
    }
  };
  const activate = (index: number): void => {
    setActive(keyOf(rows[index]));
    onActive?.(rows[index]);
  };
  React.useLayoutEffect(() => {
    if (takeFocus.current) {
      takeFocus.current = false;
      box.current
        ?.querySelector<HTMLElement>('[role=option][tabindex="0"]')
        ?.focus({ preventScroll: true });
    }
  });
  React.useEffect(() => {
    const index = goTo ? rows.findIndex(row => keyOf(row) === goTo.key) : -1;
    if (index >= 0) {
      activate(index);
      show(index);
    }
    // Only a new `goTo` scrolls, not the row updates five times a second.
  }, [goTo]);

  const find = (letter: string, now: number): number | null => {
    const continues = now - typed.current.at < TYPING_MS;
    const text = continues ? typed.current.text + letter : letter;
    typed.current = { text, at: now };
    const same = [...text].every(each => each === letter);
    return rowForTyping(same ? letter : text, tabStop, rows.length, index =>
      props.textOf(rows[index])
    );
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || rows.length === 0) {
      return;
    }
    const row = rows[tabStop];
    const height = box.current?.clientHeight ?? ROW_HEIGHT;
    const typing = event.timeStamp - typed.current.at < TYPING_MS;
    if (event.key === 'Enter' || (event.key === ' ' && !typing)) {
      props.onOpen(row);
    } else if (
      event.key === 'ContextMenu' ||
      (event.shiftKey && event.key === 'F10')
    ) {
      const node = (event.target as HTMLElement).getBoundingClientRect();
      props.onMenu?.(row, { x: node.left + 24, y: node.bottom });
    } else {
      const letter = event.key.length === 1 ? event.key : null;
      const target =
        rowForKey(event.key, tabStop, rows.length, height) ??
        (letter === null ? null : find(letter, event.timeStamp));
      if (target === null) {
        if (letter === null) {
          return;
        }
      } else {
        takeFocus.current = true;
        show(target);
        activate(target);
      }
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const indices: number[] = [];
  for (
    let index = visible.first;
    index < Math.min(visible.end, rows.length);
    index++
  ) {
    indices.push(index);
  }
  if (rows.length > 0 && (tabStop < visible.first || tabStop >= visible.end)) {
    indices.push(tabStop);
  }
  return (
    <div
      ref={box}
      className="jgp-list"
      role="listbox"
      aria-label={props.label}
      style={{
        flexBasis: Math.min(rows.length, props.leastRows) * ROW_HEIGHT,
        maxHeight: rows.length * ROW_HEIGHT
      }}
      onScroll={updateVisible}
      onKeyDown={onKeyDown}
    >
      <div
        className="jgp-rows"
        role="presentation"
        style={{ height: rows.length * ROW_HEIGHT }}
      >
        {indices.map(index => {
          const row = rows[index];
          const label = props.labelOf(row);
          const text = props.textOf(row);
          return (
            <div
              key={keyOf(row)}
              className={`jgp-row ${props.classOf?.(row) ?? ''}`}
              role="option"
              tabIndex={index === tabStop ? 0 : -1}
              aria-selected={index === activeIndex}
              aria-setsize={rows.length}
              aria-posinset={index + 1}
              aria-label={label}
              title={text ? `${text}\n${label}` : label}
              data-testid={props.testid}
              style={{ top: index * ROW_HEIGHT }}
              onClick={() => {
                activate(index);
                props.onOpen(row);
              }}
              onContextMenu={event => {
                if (props.onMenu) {
                  event.preventDefault();
                  event.stopPropagation();
                  activate(index);
                  props.onMenu(row, { x: event.clientX, y: event.clientY });
                }
              }}
            >
              {props.render(row)}
            </div>
          );
        })}
      </div>
    </div>
  );
}
