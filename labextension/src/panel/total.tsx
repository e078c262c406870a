/**
 * The run's total, its uncertainty and quality, and the comparison with its baseline.
 */
import { h } from '../jsx';
import { dateOf, dayAndTime, timeOfDay } from '../format/time';
import { THIN, isKnown } from '../format/quantities';
import type { ITotals } from '../tokens';
import { withSign } from '../format/messages';
import { Baseline } from './baseline';
import type { IPanelContext } from './panelContext';
import { Impact } from './impact';

export function Total({
  context,
  totals,
  onLoad
}: {
  context: IPanelContext;
  totals: ITotals;
  /** Show the baseline selection. */
  onLoad: () => void;
}): JSX.Element {
  const { state, messages } = context;
  const { trans } = messages;
  const reading = state.busy
    ? messages.soFar(totals.figure)
    : messages.reading(totals.figure);
  const name = (state.notebook ?? '').split('/').pop() ?? '';
  const started = totals.began_at ?? null;
  const now = Date.now();
  const partial = state.cells.filter(cell => cell.incomplete).length;
  const notes = [
    partial > 0 ? trans.__('%1 with a device not counted', partial) : '',
    state.cells.some(cell => cell.shared)
      ? trans.__('shared devices are counted whole')
      : ''
  ].filter(note => note !== '');
  const sentence = `${messages.spoken(reading)}, ${messages.provenance(totals.figure)}`;
  return (
    <section
      className="jgp-sec"
      aria-label={trans.__('Total of this notebook')}
    >
      <div className="jgp-nb" title={state.notebook ?? undefined}>
        <span>{name}</span>
        <span className="jgp-muted">
          {started === null
            ? ''
            : trans.__(
                'since %1',
                dateOf(1000 * started) === dateOf(now)
                  ? timeOfDay(started)
                  : dayAndTime(started, now / 1000, trans)
              )}
        </span>
      </div>
      <div className="jgp-total" data-testid="green-total" title={sentence}>
        <span className="jgp-num">
          {withSign(reading)}
          {isKnown(totals.figure.joules) ? (
            <small>{reading.unit.symbol}</small>
          ) : null}
        </span>{' '}
        <span className="jgp-pm">{reading.suffix}</span>{' '}
        <span className="jgp-mark" title={messages.devices(totals.parts)}>
          {messages.provenance(totals.figure)}
        </span>
      </div>
      {notes.length > 0 ? (
        <div className="jgp-muted jgp-sm">{notes.join(', ')}</div>
      ) : null}
      <Baseline context={context} totals={totals} onLoad={onLoad} />
      <Impact context={context} figure={totals.figure} />
      {state.today && isKnown(state.today.joules) ? (
        <div className="jgp-lr jgp-today">
          <span className="jgp-muted">{trans.__('All notebooks today')}</span>
          <span className="jgp-tn" title={messages.provenance(state.today)}>
            {state.today.lowerBound ? `≥${THIN}` : ''}
            {messages.figure(state.today)}
            {state.today.quality === 'simulated'
              ? `, ${trans.__('simulated')}`
              : ''}
          </span>
        </div>
      ) : null}
    </section>
  );
}
