/**
 * The same energy in other words, on demand: watt-hours, CO2e, money.
 *
 * What needs a region or a tariff that nobody named stays absent, and says what is missing. Where only an upper bound
 * of the joules stands, what follows from them is one too, rounded up as they are.
 */
import { h } from '../element';
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
  // Noise may leave joules below 0, and what follows from them tells nothing then.
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

/** For how many runs a figure stands, behind it. */
function perRuns({ trans }: Messages, times: Times): string {
  return {
    1: '',
    1000: ` ${trans.__('per 1,000 runs')}`,
    1000000: ` ${trans.__('per million runs')}`
  }[times];
}
