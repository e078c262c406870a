/**
 * The first tab: what is going on now, or why nothing is.
 */
import { Fragment, h } from '../element';
import { Budgets, type Form } from './budgets';
import { Cells } from './cells';
import { keepsFigures } from '../state/status';
import type { IDesk } from './panelContext';
import { Empty } from './empty';
import { LastRun } from './lastRun';
import { Notice } from './notice';
import { Power } from './power';
import { Sensor } from './sensor';
import { Total } from './total';

export function Now({
  desk,
  form,
  onForm,
  onLoad
}: {
  desk: IDesk;
  form: Form;
  onForm: (form: Form) => void;
  onLoad: () => void;
}): JSX.Element {
  const { state } = desk;
  const { totals } = state;
  const muted = state.status.kind !== 'live';
  return (
    <>
      <Empty desk={desk} />
      {state.notice === null ? null : (
        <section className="jgp-sec">
          <Notice warning>{state.notice}</Notice>
        </section>
      )}
      {totals !== null && keepsFigures(state) ? (
        <div className={muted ? 'jgp-figures jgp-mod-muted' : 'jgp-figures'}>
          <Total desk={desk} totals={totals} onLoad={onLoad} />
          <Budgets desk={desk} form={form} onForm={onForm} />
          <Sensor desk={desk} />
          <Power desk={desk} />
          <Cells desk={desk} totals={totals} />
        </div>
      ) : (
        <>
          {muted ? null : <Sensor desk={desk} />}
          <LastRun desk={desk} />
        </>
      )}
    </>
  );
}
