/**
 * What a cell's badge says: the figure in a few signs, and the whole sentence for who points at it or listens.
 *
 * A badge belongs to the execution whose number the cell shows. So a file that was copied with its cells' ids and uses
 * the same kernel never bears the figures of the other.
 */
import { known } from '../format/quantities';
import { provisional } from '../state/rows';
import { sentence } from '../format/cellSentences';
import type { ICell } from '../tokens';
import type { Words } from '../format/messages';

export interface IPlate {
  text: string;
  sentence: string;
}

const DOT = ' · ';

/** What to show; null while there is nothing to say yet. */
export function plate(
  words: Words,
  cell: ICell,
  baseline: string
): IPlate | null {
  const { trans } = words;
  if (!known(cell.figure.joules) && provisional(cell)) {
    return null;
  }
  const against = cell.against;
  const proven =
    cell.status !== 'running' && against !== null && words.proven(against);
  const said = [
    words.text(words.ofCell(cell)),
    cell.figure.quality === 'simulated' ? trans.__('simulated') : '',
    proven ? words.difference(cell).sign : ''
  ];
  const whole = [sentence(words, cell, baseline), words.devices(cell.parts)];
  return {
    text: said.filter(each => each !== '').join(DOT),
    sentence: whole.filter(each => each !== '').join('. ')
  };
}

/**
 * Whether a figure is of the execution that a cell shows.
 *
 * `count` is the number in the cell's prompt, null while it has none: because it runs, was cleared, or was loaded anew
 * from a file. Then it is if the run began in this notebook (`own`), or if this very execution was `watched` running.
 */
export function belongs(
  cell: ICell,
  count: number | null,
  watched: string | null,
  own: boolean
): boolean {
  return count === null
    ? own || cell.status === 'running' || cell.id === watched
    : cell.execution_count === null || cell.execution_count === count;
}
