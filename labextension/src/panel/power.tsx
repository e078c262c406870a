/**
 * Power now and over the last minute, and the cell that runs with what it used in the last run.
 */
import * as React from 'react';
import { Fragment, h } from '../element';
import { course, highest, WINDOW_SECONDS } from '../charts/powerSeries';
import { Powerline } from '../charts/powerline';
import { timeOfDay } from '../format/time';
import { known, seconds, significant, watts } from '../format/quantities';
import { Icon } from '../icons';
import type { ICell } from '../tokens';
import type { IDesk } from './panelContext';

export function Power({ desk }: { desk: IDesk }): JSX.Element {
  const { state, words } = desk;
  const { trans } = words;
  const seen = React.useMemo(() => course(state.power), [state.power]);
  const live = state.busy && state.status.kind === 'live';
  const drawn = seen !== null && seen.highest !== null ? seen : null;
  const most = drawn ? highest(drawn, state.cells) : null;
  const mark = state.wattsQuality === 'estimated' ? '~' : '';
  const now = live && known(state.watts) ? `${mark}${watts(state.watts)}` : '';
  const rest = [
    now && state.wattsQuality === 'simulated' ? trans.__('simulated now') : '',
    now && state.wattsQuality !== 'simulated' ? trans.__('now') : '',
    known(most)
      ? trans.__('%1 highest', now ? significant(most) : watts(most))
      : '',
    drawn && known(drawn.idle)
      ? trans.__('%1 idle', significant(drawn.idle))
      : ''
  ].filter(each => each !== '');
  return (
    <section
      className="jgp-sec"
      data-testid="green-power"
      aria-label={trans.__('Power')}
    >
      <div className="jgp-lr">
        <h3>{trans.__('Power')}</h3>
        <span className="jgp-tn">
          {now ? <strong>{now}</strong> : null}{' '}
          <span className="jgp-muted">
            {drawn || now
              ? rest.join(' · ')
              : trans.__('shown while a cell runs')}
          </span>
        </span>
      </div>
      {drawn ? (
        <>
          <Powerline
            course={drawn}
            live={live}
            quality={state.wattsQuality}
            nameOf={numbers(
              state.cells,
              drawn.spans.map(span => span.cell)
            )}
            label={trans.__(
              'Power over the last %1: %2 %3',
              seconds(WINDOW_SECONDS),
              now,
              rest.join(', ')
            )}
          />
          <div className="jgp-lr jgp-muted jgp-sm">
            <span>
              {live
                ? trans.__('%1 ago, cells by number', seconds(WINDOW_SECONDS))
                : timeOfDay(drawn.from, true)}
            </span>
            <span>{live ? trans.__('now') : timeOfDay(drawn.to, true)}</span>
          </div>
        </>
      ) : null}
      {state.running ? <Running desk={desk} cell={state.running} /> : null}
    </section>
  );
}

/** The cell that runs: its joules so far beside those of the last run. */
function Running({ desk, cell }: { desk: IDesk; cell: ICell }): JSX.Element {
  const { words } = desk;
  const { trans } = words;
  const number = known(cell.execution_count) ? cell.execution_count : '*';
  return (
    <div className="jgp-running" title={cell.line}>
      <Icon name="running" role="run" />
      <span className="jgp-tn">
        [{number}] <strong>{words.text(words.ofCell(cell))}</strong>
        {cell.figure.quality === 'simulated'
          ? `, ${trans.__('simulated')}`
          : ''}
      </span>
      <span className="jgp-muted jgp-tn">
        {cell.last_run && known(cell.last_run.joules)
          ? trans.__('last run: %1', lastRun(desk, cell))
          : trans.__('no earlier run')}
      </span>
    </div>
  );
}

function lastRun({ words }: IDesk, cell: ICell): string {
  return cell.last_run
    ? words.text({ ...words.reading(cell.last_run), doubt: '' })
    : '';
}

/** The numbers of the few cells in sight, by either of their ids. */
function numbers(
  cells: readonly ICell[],
  sought: readonly string[]
): (id: string) => string {
  const wanted = new Set(sought);
  const found = new Map<string, string>();
  for (const cell of cells) {
    for (const id of [cell.id, cell.cell_id]) {
      if (id !== null && wanted.has(id) && known(cell.execution_count)) {
        found.set(id, String(cell.execution_count));
      }
    }
  }
  return id => found.get(id) ?? '';
}
