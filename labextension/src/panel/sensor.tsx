/**
 * No sensor can be read: why, what opens one, and how far every figure may be off because of it.
 */
import { h } from '../element';
import { THIN, known, roughPercent } from '../format/quantities';
import { Button } from './button';
import { Command } from './command';
import type { IDesk } from './panelContext';

export function Sensor({ desk }: { desk: IDesk }): JSX.Element | null {
  const { state, words, actions, ask, copy } = desk;
  const { trans } = words;
  const problem = state.problem;
  if (problem === null) {
    return null;
  }
  const total = state.totals?.figure;
  const off =
    total &&
    known(total.joules) &&
    known(total.uncertainty) &&
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
          <strong>{trans.__('No energy sensor can be read.')}</strong> {off}
        </p>
        <p>{problem.sentence}</p>
        {problem.command === null ? null : (
          <Command desk={desk} command={problem.command} />
        )}
        <Button onClick={() => ask(() => actions.openDoctor())}>
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
