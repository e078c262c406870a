/**
 * A button for one of the largest cells: its number and share; scrolls to the cell.
 */
import { h } from '../jsx';
import { isKnown, wholePercent } from '../format/quantities';
import { shownJoules } from '../state/rows';
import type { ICell } from '../tokens';
import type { IPanelContext } from './panelContext';

export function TopCell({
  context,
  cell,
  total,
  onClick
}: {
  context: IPanelContext;
  cell: ICell;
  total: number | null;
  onClick: () => void;
}): JSX.Element {
  const { trans } = context.messages;
  const joules = shownJoules(cell);
  const share =
    isKnown(joules) && isKnown(total) && total > 0
      ? wholePercent(Math.min(1, joules / total))
      : context.messages.text(context.messages.cellReading(cell));
  const number = cell.execution_count ?? '*';
  return (
    <button
      type="button"
      title={cell.line}
      aria-label={`${trans.__('Go to cell %1, %2 of the total', number, share)}. ${cell.line}`}
      onClick={onClick}
    >
      <u>[{number}]</u>
      <code className="jgp-wide">{cell.line}</code> {share}
    </button>
  );
}
