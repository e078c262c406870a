/**
 * Power now and over the last minute, and the running cell beside its last run.
 */
import * as React from 'react';
import { Fragment, h } from '../jsx';
import { powerSeries, peakPower, WINDOW_SECONDS } from '../charts/powerSeries';
import { Powerline } from '../charts/powerline';
import { timeOfDay } from '../format/time';
import { isKnown, seconds, significant, watts } from '../format/quantities';
import { Icon } from '../icons';
import type { ICell } from '../tokens';
import type { IPanelContext } from './panelContext';

export function Power({ context }: { context: IPanelContext }): JSX.Element {
  const { state, messages } = context;
  const { trans } = messages;
  const series = React.useMemo(() => powerSeries(state.power), [state.power]);
  const live = state.busy && state.status.kind === 'live';
  const chart = series !== null && series.peak !== null ? series : null;
  const peak = chart ? peakPower(chart, state.cells) : null;
  const sign = state.wattsQuality === 'estimated' ? '~' : '';
  const now =
    live && isKnown(state.watts) ? `${sign}${watts(state.watts)}` : '';
  const details = [
    now && state.wattsQuality === 'simulated' ? trans.__('simulated now') : '',
    now && state.wattsQuality !== 'simulated' ? trans.__('now') : '',
    isKnown(peak)
      ? trans.__('%1 highest', now ? significant(peak) : watts(peak))
      : '',
    chart && isKnown(chart.idle)
      ? trans.__('%1 idle', significant(chart.idle))
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
            {chart || now
              ? details.join(' · ')
              : trans.__('shown while a cell runs')}
          </span>
        </span>
      </div>
      {chart ? (
        <>
          <Powerline
            series={chart}
            live={live}
            quality={state.wattsQuality}
            nameOf={numbersOf(
              state.cells,
              chart.spans.map(span => span.cell)
            )}
            label={trans.__(
              'Power over the last %1: %2 %3',
              seconds(WINDOW_SECONDS),
              now,
              details.join(', ')
            )}
          />
          <div className="jgp-lr jgp-muted jgp-sm">
            <span>
              {live
                ? trans.__('%1 ago, cells by number', seconds(WINDOW_SECONDS))
                : timeOfDay(chart.from, true)}
            </span>
            <span>{live ? trans.__('now') : timeOfDay(chart.to, true)}</span>
          </div>
        </>
      ) : null}
      {state.running ? (
        <Running context={context} cell={state.running} />
      ) : null}
    </section>
  );
}

/** The running cell: joules so far beside those of its last run. */
function Running({
  context,
  cell
}: {
  context: IPanelContext;
  cell: ICell;
}): JSX.Element {
  const { messages } = context;
  const { trans } = messages;
  const number = isKnown(cell.execution_count) ? cell.execution_count : '*';
  return (
    <div className="jgp-running" title={cell.line}>
      <Icon name="running" role="run" />
      <span className="jgp-tn">
        [{number}] <strong>{messages.text(messages.cellReading(cell))}</strong>
        {cell.figure.quality === 'simulated'
          ? `, ${trans.__('simulated')}`
          : ''}
      </span>
      <span className="jgp-muted jgp-tn">
        {cell.last_run && isKnown(cell.last_run.joules)
          ? trans.__('last run: %1', lastRun(context, cell))
          : trans.__('no earlier run')}
      </span>
    </div>
  );
}

function lastRun({ messages }: IPanelContext, cell: ICell): string {
  return cell.last_run
    ? messages.text({ ...messages.reading(cell.last_run), suffix: '' })
    : '';
}

/** Execution numbers of the given cells, by execution id or cell id. */
function numbersOf(
  cells: readonly ICell[],
  ids: readonly string[]
): (id: string) => string {
  const idSet = new Set(ids);
  const numberById = new Map<string, string>();
  for (const cell of cells) {
    for (const id of [cell.id, cell.cell_id]) {
      if (id !== null && idSet.has(id) && isKnown(cell.execution_count)) {
        numberById.set(id, String(cell.execution_count));
      }
    }
  }
  return id => numberById.get(id) ?? '';
}
