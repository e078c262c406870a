/**
 * The same energy in other words, on demand: watt-hours, CO2e, money.
 *
 * What needs a region or a tariff that nobody named stays absent, and says what is missing.
 */
import { h } from '../element';
import {
  ABSENT,
  carbon,
  doubted,
  energy,
  known,
  money,
  type IAmount
} from '../format';
import type { Times } from '../format';
import type { IFigure } from '../tokens';
import type { IDesk } from './desk';

export function Impact({
  desk,
  figure
}: {
  desk: IDesk;
  figure: IFigure;
}): JSX.Element {
  const { words } = desk;
  const { trans } = words;
  const often = (times: Times): string =>
    ({
      1: '',
      1000: ` ${trans.__('per 1,000 runs')}`,
      1000000: ` ${trans.__('per million runs')}`
    })[times];
  const other = words.choice === 'auto' || words.choice === 'J' ? 'kWh' : 'J';
  const amount = energy(figure.joules, figure.uncertainty, null, other);
  const [grams, unit, gramTimes] = carbon(figure.co2e_grams ?? null);
  const [price, priceTimes] = money(
    figure.cost ?? null,
    figure.currency ?? null
  );
  const share = doubted(figure);
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
            <td>{amount.value}</td>
            <td>{withDoubt(amount)}</td>
          </tr>
          <tr>
            <td>{grams}</td>
            <td>
              {known(figure.co2e_grams)
                ? `${unit} CO₂e${often(gramTimes)}${share}`
                : trans.__('CO₂e: no region is set')}
            </td>
          </tr>
          <tr>
            <td>{price}</td>
            <td>
              {known(figure.cost)
                ? trans.__('cost%1', often(priceTimes) + share)
                : trans.__('cost: no tariff is set')}
            </td>
          </tr>
        </tbody>
      </table>
    </details>
  );
}

function withDoubt(amount: IAmount): string {
  if (amount.value === ABSENT) {
    return amount.unit.symbol;
  }
  return amount.uncertainty === null
    ? amount.unit.symbol
    : `${amount.unit.symbol} ±\u202f${amount.uncertainty}`;
}
