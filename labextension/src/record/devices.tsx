/**
 * The devices of a record as a table: how much each used, how that came about, and what it covers.
 */
import { h } from '../element';
import { look } from '../charts/bar';
import { doubt, places } from '../decimal';
import {
  ABSENT,
  THIN,
  bends,
  ceiling,
  energy,
  fixed,
  fixedOrOwn,
  known,
  seconds,
  unitOfColumn,
  type IUnit
} from '../format';
import { line } from '../line';
import type { Words } from '../words';
import { deviceName, whyAbsent } from './name';
import {
  attributed,
  figureOf,
  read,
  type IComponent,
  type IRecord
} from './energy';

/** A ± that the column's digit would bend by more than this share gets digits of its own. */
const BENT = 0.25;

export function Devices({
  words,
  record
}: {
  words: Words;
  record: IRecord;
}): JSX.Element | null {
  const { trans } = words;
  const { components } = record;
  if (components.length === 0) {
    return null;
  }
  const unit = unitOfColumn(
    components.map(each => [each.joules, each.uncertainty] as const),
    words.choice
  );
  const sum = figureOf(components);
  const decimals =
    sum.uncertainty === null
      ? null
      : energy(sum.joules, sum.uncertainty, unit).decimals;
  const mean = (joules: number): number => joules / record.seconds;
  const means =
    record.seconds > 0 ? read(components).map(each => mean(each.joules)) : [];
  const digits = places(Math.max(0, ...means), 2);
  return (
    <table className="jgp-devices">
      <thead>
        <tr>
          <th scope="col">{trans.__('Device')}</th>
          <th scope="col">{unit.symbol}</th>
          <th scope="col">±</th>
          <th scope="col">{trans.__('W mean')}</th>
          <th scope="col">{trans.__('How')}</th>
          <th scope="col">{trans.__('What it covers')}</th>
        </tr>
      </thead>
      <tbody>
        {components.map((each, index) => {
          const [value, spread] = figures(each, unit, decimals);
          const bound =
            each.joules === null || isBound(each) || record.seconds <= 0;
          return (
            <tr key={index}>
              <th scope="row">
                <i className={`jgp-sw ${swatch(each)}`} />
                {deviceName(words, each)}
              </th>
              <td>{value}</td>
              <td>{spread}</td>
              <td>
                {bound ? ABSENT : fixedOrOwn(mean(each.joules ?? 0), digits)}
              </td>
              <td>{how(words, each)}</td>
              <td className="jgp-muted">{covers(words, each)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** How a device's part is drawn: what was attributed is no measurement. */
export function swatch(part: IComponent): string {
  return part.joules === null
    ? ''
    : look(
        part.kind,
        attributed(part) && part.quality === 'measured'
          ? 'estimated'
          : part.quality
      );
}

/** Whether only an upper bound of an energy can be told, because its interval reaches 0. */
function isBound({
  joules,
  uncertainty
}: Pick<IComponent, 'joules' | 'uncertainty'>): boolean {
  return known(joules) && known(uncertainty) && uncertainty >= joules;
}

/** An energy and its ± in a column that keeps its unit and, where it can, its decimals. */
export function figures(
  { joules, uncertainty }: IComponent,
  unit: IUnit,
  decimals: number | null
): readonly [string, string] {
  if (!known(joules)) {
    return [ABSENT, ABSENT];
  }
  if (!known(uncertainty)) {
    return [energy(joules, null, unit).value, ABSENT];
  }
  if (isBound({ joules, uncertainty })) {
    const most = Math.max(0, joules + uncertainty) / unit.joules;
    return [`≤${THIN}${ceiling(most)}`, ABSENT];
  }
  const spread = uncertainty / unit.joules;
  const digits =
    decimals === null || bends(spread, decimals, BENT)
      ? doubt(spread)
      : decimals;
  return [fixed(joules / unit.joules, digits), fixed(spread, digits)];
}

function how(words: Words, part: IComponent): string {
  const { trans } = words;
  if (!known(part.joules)) {
    return trans.__('no reading');
  }
  const quality = words.quality(part.quality);
  if (attributed(part)) {
    return part.quality === 'measured'
      ? trans.__('measured board, attributed')
      : trans.__('%1, attributed', quality);
  }
  const way = {
    counter: trans.__('counter'),
    power: trans.__('power over time'),
    model: part.kind === 'cpu' ? trans.__('processor time') : trans.__('model')
  }[part.method];
  return `${quality}, ${way}`;
}

function covers(words: Words, part: IComponent): string {
  const { trans } = words;
  if (!known(part.joules)) {
    return part.note ? whyAbsent(words, part) : line(part.scope);
  }
  const said = [line(part.scope)];
  if (known(part.tick_seconds) && part.method !== 'model') {
    const time = seconds(part.tick_seconds);
    said.push(
      part.method === 'counter'
        ? trans.__('counter every %1', time)
        : trans.__('power every %1', time)
    );
  }
  return said.filter(each => each !== '').join(', ');
}
