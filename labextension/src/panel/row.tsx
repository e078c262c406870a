/**
 * A row: source and bar, joules and ±, difference and a word on it.
 */
import * as React from 'react';
import { Fragment, h } from '../jsx';
import { Bar } from '../charts/bar';
import { stack } from '../charts/stack';
import {
  ABSENT,
  isKnown,
  wholePercent,
  type IUnit
} from '../format/quantities';
import { Icon } from '../icons';
import { isProvisional, shownJoules } from '../state/rows';
import type { ICell } from '../tokens';
import { withSign, type IDifference, type Messages } from '../format/messages';

/** Properties shared by all rows. */
export interface IColumn {
  unit: IUnit;
  /** Digits of the largest execution number. */
  digits: number;
  /** Joules of a full bar. */
  scale: number;
  /** The total, where the right column shows shares; null where it shows differences. */
  total: number | null;
}

export const Row = React.memo(function Row({
  cell,
  messages,
  column
}: {
  cell: ICell;
  messages: Messages;
  column: IColumn;
}): JSX.Element {
  const { trans } = messages;
  const reading = messages.cellReading(cell, column.unit);
  const baseline = cell.against?.baseline ?? null;
  const right = rightColumn(cell, messages, column);
  return (
    <>
      <span className="jgp-n">{cell.execution_count ?? ''}</span>
      <span className="jgp-src">
        {cell.line ? (
          <code>{cell.line}</code>
        ) : (
          <span className="jgp-muted">{trans.__('source not known')}</span>
        )}
        {cell.reruns > 0 ? (
          <span className="jgp-times">×{cell.reruns + 1}</span>
        ) : null}
      </span>
      <span className="jgp-j">{withSign(reading)}</span>
      <span className="jgp-d">
        {right.excess ? <span className="jgp-tri" aria-hidden="true" /> : null}
        {right.sign}
      </span>
      <span className="jgp-ic">
        <Mark cell={cell} />
      </span>
      <Bar
        segments={stack(
          shownJoules(cell),
          cell.figure,
          cell.parts,
          column.scale
        )}
        ticks={
          isKnown(baseline) && baseline > 0
            ? [{ at: baseline / column.scale }]
            : []
        }
      />
      <span className="jgp-u">{reading.suffix}</span>
      <span className="jgp-w">{right.word}</span>
    </>
  );
});

/** The right column: the difference, the last run while a cell runs, or the share of the total without a baseline. */
function rightColumn(
  cell: ICell,
  messages: Messages,
  column: IColumn
): IDifference {
  const { trans } = messages;
  if (
    cell.status === 'running' &&
    cell.last_run &&
    isKnown(cell.last_run.joules)
  ) {
    const lastReading = messages.reading(cell.last_run, column.unit);
    return {
      sign: withSign(lastReading),
      word: trans.__('last run'),
      excess: false
    };
  }
  const difference = messages.difference(cell);
  const simulated =
    cell.figure.quality === 'simulated' ? trans.__('simulated') : '';
  const joules = shownJoules(cell);
  const word = difference.word || simulated;
  return column.total === null || difference.sign !== '' || isProvisional(cell)
    ? { ...difference, word }
    : {
        // The share of a bound would be misleading.
        sign: cell.figure.below_resolution
          ? ABSENT
          : isKnown(joules) && column.total > 0
            ? wholePercent(Math.max(0, joules / column.total))
            : '',
        word,
        excess: false
      };
}

/** An icon for how a cell ended or what limits its figure; none for a normal end. */
function Mark({ cell }: { cell: ICell }): JSX.Element | null {
  switch (cell.status) {
    case 'running':
      return <Icon name="running" role="run" />;
    case 'error':
      return <Icon name="error" role="bad" />;
    case 'interrupted':
      return <Icon name="interrupted" />;
    case 'killed':
      return <Icon name="killed" role="bad" />;
    default:
      if (cell.shared || cell.incomplete) {
        return <Icon name="about" />;
      }
      if (cell.figure.below_resolution && isKnown(cell.figure.joules)) {
        return <Icon name="below" />;
      }
      return cell.against?.edited ? <Icon name="edited" /> : null;
  }
}
