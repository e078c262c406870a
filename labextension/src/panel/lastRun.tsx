/**
 * The notebook's last run, shown while it is not metered.
 */
import { h } from '../jsx';
import type { IPanelContext } from './panelContext';

export function LastRun({
  context
}: {
  context: IPanelContext;
}): JSX.Element | null {
  const { state, messages } = context;
  const { trans } = messages;
  const last = state.runs?.[0];
  if (!last || state.notebook === null || state.status.kind === 'no-kernel') {
    return null;
  }
  return (
    <section className="jgp-sec" aria-label={trans.__('Earlier runs')}>
      <div className="jgp-lr">
        <h3>{trans.__('Last run of this notebook')}</h3>
        <span className="jgp-tn">
          <strong>{messages.figure(last.figure)}</strong>
        </span>
      </div>
      <p className="jgp-say jgp-muted">
        {messages.provenance(last.figure)},{' '}
        {trans._n('%1 cell', '%1 cells', last.cells, last.cells)}
      </p>
    </section>
  );
}
