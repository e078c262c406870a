/**
 * One of the cells that used most: its number and its share, and a way to it.
 */
import { h } from '../element';
import { known, wholePercent } from '../format/quantities';
import { shown } from '../state/rows';
import type { ICell } from '../tokens';
import type { IDesk } from './panelContext';

export function Dearest({
  desk,
  cell,
  total,
  onClick
}: {
  desk: IDesk;
  cell: ICell;
  total: number | null;
  onClick: () => void;
}): JSX.Element {
  const { trans } = desk.words;
  const joules = shown(cell);
  const share =
    known(joules) && known(total) && total > 0
      ? wholePercent(Math.min(1, joules / total))
      : desk.words.text(desk.words.ofCell(cell));
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
