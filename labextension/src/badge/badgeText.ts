/**
 * The text of a cell's badge, and the full sentence for its tooltip and for screen readers.
 *
 * A badge belongs to the execution whose number the cell shows. A copy of a notebook that has the same cell ids and
 * uses the same kernel therefore doesn't show the other notebook's figures.
 */
import { isKnown } from '../format/quantities';
import { isProvisional } from '../state/rows';
import { cellSentence } from '../format/cellSentences';
import type { ICell } from '../tokens';
import type { Messages } from '../format/messages';

export interface IBadgeText {
  text: string;
  sentence: string;
}

const DOT = ' · ';

/** The text of a badge; null while there is no figure yet. */
export function badgeTextFor(
  messages: Messages,
  cell: ICell,
  baseline: string
): IBadgeText | null {
  const { trans } = messages;
  if (!isKnown(cell.figure.joules) && isProvisional(cell)) {
    return null;
  }
  const against = cell.against;
  const proven =
    cell.status !== 'running' && against !== null && messages.isProven(against);
  const parts = [
    messages.text(messages.cellReading(cell)),
    cell.figure.quality === 'simulated' ? trans.__('simulated') : '',
    proven ? messages.difference(cell).sign : ''
  ];
  const sentences = [
    cellSentence(messages, cell, baseline),
    messages.devices(cell.parts)
  ];
  return {
    text: parts.filter(each => each !== '').join(DOT),
    sentence: sentences.filter(each => each !== '').join('. ')
  };
}

/**
 * Whether a record belongs to the execution that a cell shows.
 *
 * @param count - The number in the cell's prompt; null while it runs, after it was cleared, or after the file was
 * reloaded.
 * @param watched - Id of the execution that was seen running in this cell.
 * @param own - Whether the run began in this notebook.
 */
export function belongsToExecution(
  cell: ICell,
  count: number | null,
  watched: string | null,
  own: boolean
): boolean {
  return count === null
    ? own || cell.status === 'running' || cell.id === watched
    : cell.execution_count === null || cell.execution_count === count;
}
