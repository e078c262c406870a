/**
 * The runs of a notebook as one list: the current one from the kernel, the others from the ledger.
 */
import { isKnown, unitOfColumn, type IUnit } from '../format/quantities';
import type { IFigure, IRun, IState } from '../tokens';
import type { Messages } from '../format/messages';

export interface IEntry {
  key: string;
  now: boolean;
  startedAt: number | null;
  seconds: number | null;
  cells: number;
  figure: IFigure;
}

/** Newest first. */
export function runEntries(state: IState): IEntry[] {
  const earlier = (state.runs ?? []).filter(run => run.run !== state.run);
  const now: IEntry[] =
    state.totals === null || state.run === null
      ? []
      : [
          {
            key: state.run,
            now: true,
            startedAt: null,
            seconds: null,
            cells: state.totals.cells,
            figure: state.totals.figure
          }
        ];
  return [...now, ...earlier.map(toEntry)];
}

function toEntry(run: IRun): IEntry {
  return {
    key: run.run,
    now: false,
    startedAt: run.started_at,
    seconds: isKnown(run.ended_at) ? run.ended_at - run.started_at : null,
    cells: run.cells,
    figure: run.figure
  };
}

/** One unit for all runs. */
export function columnUnit(runs: readonly IEntry[], messages: Messages): IUnit {
  return unitOfColumn(
    runs.map(run => [run.figure.joules, run.figure.uncertainty] as const),
    messages.choice
  );
}
