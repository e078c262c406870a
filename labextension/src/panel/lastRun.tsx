/**
 * What the notebook used last, where nothing is metered now.
 */
import { h } from '../element';
import type { IDesk } from './panelContext';

export function LastRun({ desk }: { desk: IDesk }): JSX.Element | null {
  const { state, words } = desk;
  const { trans } = words;
  const last = state.runs?.[0];
  if (!last || state.notebook === null || state.status.kind === 'no-kernel') {
    return null;
  }
  return (
    <section className="jgp-sec" aria-label={trans.__('Earlier runs')}>
      <div className="jgp-lr">
        <h3>{trans.__('Last run of this notebook')}</h3>
        <span className="jgp-tn">
          <strong>{words.figure(last.figure)}</strong>
        </span>
      </div>
      <p className="jgp-say jgp-muted">
        {words.standing(last.figure)},{' '}
        {trans._n('%1 cell', '%1 cells', last.cells, last.cells)}
      </p>
    </section>
  );
}
