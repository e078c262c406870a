/**
 * Shown where no sensor can be read: why, what to do, and how uncertain every figure is therefore.
 */
import { h } from '../jsx';
import { THIN, isKnown, roughPercent } from '../format/quantities';
import { Button } from './button';
import { Command } from './command';
import type { IPanelContext } from './panelContext';

export function Sensor({
  context
}: {
  context: IPanelContext;
}): JSX.Element | null {
  const { state, messages, actions, perform, copy } = context;
  const { trans } = messages;
  const problem = state.problem;
  if (problem === null) {
    return null;
  }
  const total = state.totals?.figure;
  const accuracy =
    total &&
    isKnown(total.joules) &&
    isKnown(total.uncertainty) &&
    total.joules > 0 &&
    total.quality === 'estimated'
      ? trans.__(
          'Every figure is estimated, this total to about %1.',
          `±${THIN}${roughPercent(total.uncertainty / total.joules)}`
        )
      : trans.__('Every figure is estimated.');
  return (
    <section
      className="jgp-sec"
      data-testid="green-empty"
      data-state="no-sensor"
      aria-label={trans.__('Sensors')}
    >
      <div className="jgp-hint">
        <p>
          <strong>{trans.__('No energy sensor can be read.')}</strong>{' '}
          {accuracy}
        </p>
        <p>{problem.sentence}</p>
        {problem.command === null ? null : (
          <Command context={context} command={problem.command} />
        )}
        <Button onClick={() => perform(() => actions.openDoctor())}>
          {trans.__('Open the doctor')}
        </Button>{' '}
        {problem.command === null ? null : (
          <Button quiet onClick={() => copy(problem.command ?? '')}>
            {trans.__('Copy the command')}
          </Button>
        )}
      </div>
    </section>
  );
}
