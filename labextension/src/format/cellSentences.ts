/**
 * Full sentences about a cell, for screen readers: its row, and the announcement when it has ended.
 */
import {
  percentChange,
  percentDigits,
  energy,
  withUnit,
  isKnown,
  type IUnit
} from './quantities';
import type { ICell, IFigure } from '../tokens';
import type { Messages } from './messages';

function joinClauses(clauses: readonly string[]): string {
  return clauses.filter(clause => clause !== '').join(', ');
}

/** A row as one sentence: energy, quality, outcome, comparison with the baseline. */
export function cellSentence(
  messages: Messages,
  cell: ICell,
  baseline: string,
  unit: IUnit | null = null
): string {
  return joinClauses([
    `${messages.cellName(cell)}: ${messages.spoken(messages.cellReading(cell, unit))}`,
    isKnown(cell.figure.joules) && cell.figure.quality !== 'measured'
      ? messages.provenance(cell.figure)
      : '',
    outcomeClause(messages, cell),
    cell.incomplete ?? '',
    comparisonClause(messages, cell, baseline),
    cell.against?.edited
      ? messages.trans.__('code changed since the baseline')
      : '',
    sharedClause(messages, cell),
    rerunClause(messages, cell)
  ]);
}

/** The announcement when a cell has ended. */
export function announcement(
  messages: Messages,
  cell: ICell,
  total: IFigure | null
): string {
  const clauses = joinClauses([
    messages.cellName(cell),
    outcomeClause(messages, cell),
    messages.spoken(messages.cellReading(cell))
  ]);
  if (total === null) {
    return `${clauses}.`;
  }
  const totalText = messages.spoken({ ...messages.reading(total), suffix: '' });
  return `${clauses}. ${messages.trans.__('Notebook total %1.', totalText)}`;
}

function outcomeClause(messages: Messages, cell: ICell): string {
  const { trans } = messages;
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
      return cell.figure.below_resolution && isKnown(cell.figure.joules)
        ? trans.__('below what the sensor can resolve')
        : '';
  }
}

function comparisonClause(
  messages: Messages,
  cell: ICell,
  baseline: string
): string {
  const { trans } = messages;
  const against = cell.against;
  if (cell.status === 'running') {
    return cell.last_run && isKnown(cell.last_run.joules)
      ? trans.__(
          'last run %1',
          messages.spoken(messages.reading(cell.last_run))
        )
      : '';
  }
  if (against === null) {
    return '';
  }
  const conditions = messages.conditionsReason(against);
  if (conditions !== '') {
    return trans.__('no proven difference from %1: %2', baseline, conditions);
  }
  if (messages.comparesCpuTime(against) && isKnown(against.ratio)) {
    if (messages.isProven(against)) {
      return against.verdict === 'more'
        ? trans.__(
            'CPU time %1 percent above %2',
            percentDigits(against.ratio),
            baseline
          )
        : trans.__(
            'CPU time %1 percent below %2',
            percentDigits(against.ratio),
            baseline
          );
    }
    return against.reason === null
      ? trans.__('no proven difference in CPU time from %1', baseline)
      : trans.__(
          'CPU time %1 against %2, not proven by one run each on a busy machine',
          percentChange(against.ratio),
          baseline
        );
  }
  if (messages.isProven(against) && isKnown(against.ratio)) {
    return against.verdict === 'more'
      ? trans.__('%1 percent above %2', percentDigits(against.ratio), baseline)
      : trans.__('%1 percent below %2', percentDigits(against.ratio), baseline);
  }
  if (against.verdict === 'unproven') {
    return trans.__('no proven difference from %1', baseline);
  }
  return against.reason === null || against.reason === cell.status
    ? trans.__('not compared')
    : trans.__('not compared: %1', messages.reason(against.reason));
}

function sharedClause(messages: Messages, cell: ICell): string {
  if (!cell.shared) {
    return '';
  }
  if (!isKnown(cell.own_joules) || !isKnown(cell.device_joules)) {
    return messages.trans.__('a device was shared with other processes');
  }
  return messages.trans.__(
    '%1 of %2 attributed to this kernel, because others used the device too',
    withUnit(energy(cell.own_joules, null, null, messages.choice)),
    withUnit(energy(cell.device_joules, null, null, messages.choice))
  );
}

function rerunClause(messages: Messages, cell: ICell): string {
  if (!(cell.reruns > 0)) {
    return '';
  }
  const times = messages.trans._n(
    'run once before',
    'run %1 times before',
    cell.reruns,
    cell.reruns
  );
  return isKnown(cell.rerun_joules)
    ? messages.trans.__(
        '%1 with %2, in the total',
        times,
        withUnit(energy(cell.rerun_joules, null, null, messages.choice))
      )
    : times;
}
