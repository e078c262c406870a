/**
 * Whole sentences of a cell: what a reader of the screen hears of a row, and of a cell that has ended.
 */
import { change, energy, head, known, type IUnit } from './quantities';
import type { ICell, IFigure } from '../tokens';
import type { Words } from './messages';

/** A ratio inside a sentence: 0.384 is "38". */
function bare(ratio: number): string {
  return change(Math.abs(ratio)).slice(1, -2);
}

function joined(clauses: readonly string[]): string {
  return clauses.filter(clause => clause !== '').join(', ');
}

/** A row as one sentence: how much, how sure, how it ended, against what. */
export function sentence(
  words: Words,
  cell: ICell,
  baseline: string,
  unit: IUnit | null = null
): string {
  return joined([
    `${words.cellName(cell)}: ${words.spoken(words.ofCell(cell, unit))}`,
    known(cell.figure.joules) && cell.figure.quality !== 'measured'
      ? words.standing(cell.figure)
      : '',
    ended(words, cell),
    cell.incomplete ?? '',
    compared(words, cell, baseline),
    cell.against?.edited
      ? words.trans.__('code changed since the baseline')
      : '',
    sharing(words, cell),
    reruns(words, cell)
  ]);
}

/** What is said aloud when a cell has ended. */
export function announcement(
  words: Words,
  cell: ICell,
  total: IFigure | null
): string {
  const said = joined([
    words.cellName(cell),
    ended(words, cell),
    words.spoken(words.ofCell(cell))
  ]);
  if (total === null) {
    return `${said}.`;
  }
  const all = words.spoken({ ...words.reading(total), doubt: '' });
  return `${said}. ${words.trans.__('Notebook total %1.', all)}`;
}

function ended(words: Words, cell: ICell): string {
  const { trans } = words;
  switch (cell.status) {
    case 'running':
      return trans.__('running');
    case 'error':
      return trans.__('ended with an error');
    case 'interrupted':
      return trans.__('interrupted');
    case 'killed':
      return trans.__('kernel was killed, counted up to the last heartbeat');
    default:
      return cell.figure.below_resolution && known(cell.figure.joules)
        ? trans.__('below what the sensor can resolve')
        : '';
  }
}

function compared(words: Words, cell: ICell, baseline: string): string {
  const { trans } = words;
  const against = cell.against;
  if (cell.status === 'running') {
    return cell.last_run && known(cell.last_run.joules)
      ? trans.__('last run %1', words.spoken(words.reading(cell.last_run)))
      : '';
  }
  if (against === null) {
    return '';
  }
  const unfair = words.unfair(against);
  if (unfair !== '') {
    return trans.__('no proven difference from %1: %2', baseline, unfair);
  }
  if (words.timed(against) && known(against.ratio)) {
    if (words.proven(against)) {
      return against.verdict === 'more'
        ? trans.__(
            'CPU time %1 percent above %2',
            bare(against.ratio),
            baseline
          )
        : trans.__(
            'CPU time %1 percent below %2',
            bare(against.ratio),
            baseline
          );
    }
    return against.reason === null
      ? trans.__('no proven difference in CPU time from %1', baseline)
      : trans.__(
          'CPU time %1 against %2, not proven by one run beside one on a busy machine',
          change(against.ratio),
          baseline
        );
  }
  if (words.proven(against) && known(against.ratio)) {
    return against.verdict === 'more'
      ? trans.__('%1 percent above %2', bare(against.ratio), baseline)
      : trans.__('%1 percent below %2', bare(against.ratio), baseline);
  }
  if (against.verdict === 'unproven') {
    return trans.__('no proven difference from %1', baseline);
  }
  return against.reason === null || against.reason === cell.status
    ? trans.__('not compared')
    : trans.__('not compared: %1', words.reason(against.reason));
}

function sharing(words: Words, cell: ICell): string {
  if (!cell.shared) {
    return '';
  }
  if (!known(cell.own_joules) || !known(cell.device_joules)) {
    return words.trans.__('a device was shared with other processes');
  }
  return words.trans.__(
    '%1 of %2 attributed to this kernel, for others used the device too',
    head(energy(cell.own_joules, null, null, words.choice)),
    head(energy(cell.device_joules, null, null, words.choice))
  );
}

function reruns(words: Words, cell: ICell): string {
  if (!(cell.reruns > 0)) {
    return '';
  }
  const times = words.trans._n(
    'run once before',
    'run %1 times before',
    cell.reruns,
    cell.reruns
  );
  return known(cell.rerun_joules)
    ? words.trans.__(
        '%1 with %2, in the total',
        times,
        head(energy(cell.rerun_joules, null, null, words.choice))
      )
    : times;
}
