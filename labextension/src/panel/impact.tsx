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
  doubted,
  known,
  money,
  type Times
} from '../format/quantities';
import type { IFigure } from '../tokens';
import { Words, signed } from '../format/messages';
import type { IDesk } from './panelContext';

export function Impact({
  desk,
  figure
}: {
  desk: IDesk;
  figure: IFigure;
}): JSX.Element {
  const { state, words } = desk;
  const { trans } = words;
  const { joules, uncertainty, co2e_grams, cost, currency } = figure;
  const other = words.choice === 'auto' || words.choice === 'J' ? 'kWh' : 'J';
  const others = new Words(trans, other);
  const reading = state.busy ? others.soFar(figure) : others.reading(figure);
  const bound = reading.sign === '≤';
  // Noise may leave joules below 0, and what follows from them tells nothing then.
  const most = bound
    ? (joules ?? 0) > 0
      ? 1 + (uncertainty ?? 0) / (joules ?? 1)
      : NaN
    : 1;
  const rounding = bound ? 'ceiling' : 'nearest';
  const atMost = (value: string): string =>
    bound && /^[^<]*\d/.test(value) ? `≤${THIN}${value}` : value;
  const [grams, unit, gramTimes] = carbon((co2e_grams ?? NaN) * most, rounding);
  const [price, priceTimes] = money(
    (cost ?? NaN) * most,
    currency ?? null,
    rounding
  );
  const share = bound || state.busy ? '' : doubted(figure);
  return (
    <details className="jgp-more">
      <summary>
        {other === 'J'
          ? trans.__('Joules, CO₂e, cost')
          : trans.__('Wh, CO₂e, cost')}
      </summary>
      <table>
        <tbody>
          <tr>
            <td>{signed(reading)}</td>
            <td>
              {reading.unit.symbol} {reading.doubt}
            </td>
          </tr>
          <tr>
            <td>{atMost(grams)}</td>
            <td>
              {known(co2e_grams)
                ? `${unit} CO₂e${often(words, gramTimes)}${share}`
                : trans.__('CO₂e: no region is set')}
            </td>
          </tr>
          <tr>
            <td>{atMost(price)}</td>
            <td>
              {known(cost)
                ? trans.__('cost%1', often(words, priceTimes) + share)
                : trans.__('cost: no tariff is set')}
            </td>
          </tr>
        </tbody>
      </table>
    </details>
  );
}

/** For how many runs a figure stands, behind it. */
function often({ trans }: Words, times: Times): string {
  return {
    1: '',
    1000: ` ${trans.__('per 1,000 runs')}`,
    1000000: ` ${trans.__('per million runs')}`
  }[times];
}
