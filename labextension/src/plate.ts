/**
 * What a cell's badge says: the figure in a few signs, and the whole sentence for who points at it or listens.
 *
 * A badge belongs to the execution whose number the cell shows. So a file that was copied with its cells' ids, or a
 * cell whose outputs were cleared, never bears the figure of another execution.
 */
import { known } from './format';
import { provisional } from './rows';
import { sentence } from './sentence';
import type { ICell } from './tokens';
import type { Words } from './words';

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
 * `count` is the number in the cell's prompt, null while it has none; `watched` the execution that was seen running
 * while it had none, whose number comes with the kernel's reply.
 */
export function belongs(
  cell: ICell,
  count: number | null,
  watched: string | null
): boolean {
  if (cell.execution_count === null || count === cell.execution_count) {
    return true;
  }
  return count === null && (cell.status === 'running' || cell.id === watched);
}
