/**
 * The runs as rows: time, energy, quality, number of cells.
 */
import * as React from 'react';
import { Fragment, h } from '../jsx';
import { seconds } from '../format/quantities';
import { Icon } from '../icons';
import { withSign } from '../format/messages';
import type { IPanelContext } from './panelContext';
import { columnUnit, type IEntry } from './runEntry';
import { List } from './virtualList';

const keyOfRun = (run: IEntry): string => run.key;

export function RunList({
  context,
  runs,
  when,
  onActive,
  onOpen,
  children
}: {
  context: IPanelContext;
  runs: readonly IEntry[];
  when: (run: IEntry) => string;
  onActive: (run: IEntry) => void;
  onOpen: (run: IEntry) => void;
  children: React.ReactNode;
}): JSX.Element {
  const { state, messages } = context;
  const { trans } = messages;
  const unit = columnUnit(runs, messages);
  const cells = (run: IEntry): string =>
    trans._n('%1 cell', '%1 cells', run.cells, run.cells);
  return (
    <section
      className="jgp-sec jgp-cells jgp-runs"
      aria-label={trans.__('Runs')}
    >
      <div className="jgp-row jgp-th" aria-hidden="true">
        <span />
        <span className="jgp-src" />
        <span className="jgp-j">{unit.symbol}</span>
        <span className="jgp-d" />
      </div>
      <List
        rows={runs}
        keyOf={keyOfRun}
        textOf={when}
        labelOf={run =>
          [
            messages.spoken(messages.reading(run.figure, unit)),
            messages.provenance(run.figure),
            cells(run)
          ].join(', ')
        }
        classOf={run => (run.now && state.busy ? 'jgp-is-running' : '')}
        onOpen={onOpen}
        onActive={onActive}
        label={trans.__('Runs, newest first')}
        testid="green-run-row"
        leastRows={10}
        render={run => {
          const reading = messages.reading(run.figure, unit);
          return (
            <>
              <span />
              <span className="jgp-src">{when(run)}</span>
              <span className="jgp-j">{withSign(reading)}</span>
              <span className="jgp-d">{cells(run)}</span>
              <span className="jgp-ic">
                {run.now && state.busy ? (
                  <Icon name="running" role="run" />
                ) : null}
              </span>
              <span className="jgp-src jgp-muted jgp-sm">
                {messages.provenance(run.figure)}
              </span>
              <span className="jgp-u">
                {run.now && state.busy ? trans.__('so far') : reading.suffix}
              </span>
              <span className="jgp-w">
                {run.seconds === null ? '' : seconds(run.seconds)}
              </span>
            </>
          );
        }}
      />
      {children}
    </section>
  );
}
