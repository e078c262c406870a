/**
 * The first tab: live figures, or why there are none.
 */
import { Fragment, h } from '../jsx';
import { Budgets, type Form } from './budgets';
import { Cells } from './cells';
import { keepsFigures } from '../state/status';
import type { IPanelContext } from './panelContext';
import { Empty } from './empty';
import { LastRun } from './lastRun';
import { Notice } from './notice';
import { Power } from './power';
import { Sensor } from './noSensor';
import { Total } from './total';

export function Now({
  context,
  form,
  onForm,
  onLoad
}: {
  context: IPanelContext;
  form: Form;
  onForm: (form: Form) => void;
  onLoad: () => void;
}): JSX.Element {
  const { state } = context;
  const { totals } = state;
  const muted = state.status.kind !== 'live';
  return (
    <>
      <Empty context={context} />
      {state.notice === null ? null : (
        <section className="jgp-sec">
          <Notice warning>{state.notice}</Notice>
        </section>
      )}
      {totals !== null && keepsFigures(state) ? (
        <div className={muted ? 'jgp-figures jgp-mod-muted' : 'jgp-figures'}>
          <Total context={context} totals={totals} onLoad={onLoad} />
          <Budgets context={context} form={form} onForm={onForm} />
          <Sensor context={context} />
          <Power context={context} />
          <Cells context={context} totals={totals} />
        </div>
      ) : (
        <>
          {muted ? null : <Sensor context={context} />}
          <LastRun context={context} />
        </>
      )}
    </>
  );
}
