/**
 * What a cell's badge says: the figure in a few signs, and the whole sentence for who points at it or listens.
 *
 * A badge belongs to the execution whose number the cell shows. So a file that was copied with its cells' ids and uses
 * the same kernel never bears the figures of the other.
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

/** What to show; null while there is nothing to say yet. */
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
 * Whether a figure is of the execution that a cell shows.
 *
 * `count` is the number in the cell's prompt, null while it has none: because it runs, was cleared, or was loaded anew
 * from a file. Then it is if the run began in this notebook (`own`), or if this very execution was `watched` running.
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
