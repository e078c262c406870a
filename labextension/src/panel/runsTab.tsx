/**
 * The runs of this notebook: a chart of totals, a list, and the baseline selection.
 *
 * Only whole totals are shown here. Whether one run used less than another is shown on the first tab, which compares
 * the cells that both finished.
 */
import * as React from 'react';
import { Fragment, h } from '../jsx';
import { dayAndTime } from '../format/time';
import { Button } from './button';
import { Chooser } from './chooser';
import type { IPanelContext } from './panelContext';
import { runEntries, type IEntry } from './runEntry';
import { NameForm } from './nameForm';
import { RunChart } from './runChart';
import { RunList } from './runList';

export function History({ context }: { context: IPanelContext }): JSX.Element {
  const { state, messages, actions, perform } = context;
  const { trans } = messages;
  const [selected, setSelected] = React.useState<string | null>(null);
  const [naming, setNaming] = React.useState<IEntry | null>(null);
  const runs = React.useMemo(
    () => runEntries(state),
    [state.runs, state.totals, state.run]
  );
  const chosen = runs.find(run => run.key === selected && !run.now) ?? null;
  const when = (run: IEntry): string =>
    run.now
      ? state.busy
        ? trans.__('now, running')
        : trans.__('this run')
      : run.startedAt === null
        ? '–'
        : dayAndTime(run.startedAt, Date.now() / 1000, trans);
  return (
    <>
      {state.historyProblem === null ? null : (
        <section
          className="jgp-sec jgp-empty"
          data-testid="green-empty"
          data-state="no-history"
        >
          <p>{state.historyProblem}</p>
          <Button quiet onClick={() => perform(() => actions.refreshHistory())}>
            {trans.__('Try again')}
          </Button>
        </section>
      )}
      {runs.length === 0 ? (
        state.historyProblem === null ? (
          <section
            className="jgp-sec jgp-empty"
            data-testid="green-empty"
            data-state="no-runs"
          >
            <p>
              {state.notebook === null
                ? trans.__('Open a notebook to see its runs.')
                : trans.__(
                    'No run of this notebook has been metered yet. Run a cell with metering on, and its run is kept here.'
                  )}
            </p>
          </section>
        ) : null
      ) : (
        <RunChart
          context={context}
          runs={runs}
          when={when}
          selected={selected}
        />
      )}
      {runs.length > 0 ? (
        <RunList
          context={context}
          runs={runs}
          when={when}
          onActive={run => setSelected(run.key)}
          onOpen={run => {
            setSelected(run.key);
            setNaming(run.now ? null : run);
          }}
        >
          {naming !== null ? (
            <NameForm
              key={naming.key}
              label={trans.__('Name for the run of %1', when(naming))}
              submit={trans.__('Keep')}
              cancel={trans.__('Cancel')}
              onSubmit={name => {
                const { key } = naming;
                setNaming(null);
                perform(() => actions.keepRun(key, name));
              }}
              onCancel={() => setNaming(null)}
            />
          ) : (
            <p className="jgp-act">
              {chosen !== null ? (
                <>
                  <Button quiet onClick={() => setNaming(chosen)}>
                    {trans.__('Keep run of %1 as baseline', when(chosen))}
                  </Button>{' '}
                </>
              ) : null}
              <Button
                quiet
                onClick={() => perform(() => actions.exportReport())}
              >
                {trans.__('Export report')}
              </Button>
            </p>
          )}
        </RunList>
      ) : null}
      {state.notebook === null ? null : <Chooser context={context} />}
    </>
  );
}
