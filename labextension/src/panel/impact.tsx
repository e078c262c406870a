/**
 * The same energy in watt-hours, CO2e and money, in a collapsible section.
 *
 * Without a region or tariff the figure is missing and the text says so. If the joules are an upper bound, so are the
 * derived figures, rounded up.
 */
import { h } from '../jsx';
import {
  THIN,
  carbon,
  relativeUncertainty,
  isKnown,
  money,
  type Times
} from '../format/quantities';
import type { IFigure } from '../tokens';
import { Messages, withSign } from '../format/messages';
import type { IPanelContext } from './panelContext';

export function Impact({
  context,
  figure
}: {
  context: IPanelContext;
  figure: IFigure;
}): JSX.Element {
  const { state, messages } = context;
  const { trans } = messages;
  const { joules, uncertainty, co2e_grams, cost, currency } = figure;
  const otherUnit =
    messages.choice === 'auto' || messages.choice === 'J' ? 'kWh' : 'J';
  const otherMessages = new Messages(trans, otherUnit);
  const reading = state.busy
    ? otherMessages.soFar(figure)
    : otherMessages.reading(figure);
  const bound = reading.sign === '≤';
  // Noise may make joules negative; derived figures are then meaningless.
  const factor = bound
    ? (joules ?? 0) > 0
      ? 1 + (uncertainty ?? 0) / (joules ?? 1)
      : NaN
    : 1;
  const rounding = bound ? 'ceiling' : 'nearest';
  const atMost = (value: string): string =>
    bound && /^[^<]*\d/.test(value) ? `≤${THIN}${value}` : value;
  const [grams, unit, gramTimes] = carbon(
    (co2e_grams ?? NaN) * factor,
    rounding
  );
  const [price, priceTimes] = money(
    (cost ?? NaN) * factor,
    currency ?? null,
    rounding
  );
  const share = bound || state.busy ? '' : relativeUncertainty(figure);
  return (
    <details className="jgp-more">
      <summary>
        {otherUnit === 'J'
          ? trans.__('Joules, CO₂e, cost')
          : trans.__('Wh, CO₂e, cost')}
      </summary>
      <table>
        <tbody>
          <tr>
            <td>{withSign(reading)}</td>
            <td>
              {reading.unit.symbol} {reading.suffix}
            </td>
          </tr>
          <tr>
            <td>{atMost(grams)}</td>
            <td>
              {isKnown(co2e_grams)
                ? `${unit} CO₂e${perRuns(messages, gramTimes)}${share}`
                : trans.__('CO₂e: no region is set')}
            </td>
          </tr>
          <tr>
            <td>{atMost(price)}</td>
            <td>
              {isKnown(cost)
                ? trans.__('cost%1', perRuns(messages, priceTimes) + share)
                : trans.__('cost: no tariff is set')}
            </td>
          </tr>
        </tbody>
      </table>
    </details>
  );
}

/** The number of runs that a figure is stated for, as a suffix. */
function perRuns({ trans }: Messages, times: Times): string {
  return {
    1: '',
    1000: ` ${trans.__('per 1,000 runs')}`,
    1000000: ` ${trans.__('per million runs')}`
  }[times];
}
