/**
 * A record's data read strictly: into objects of our own, or refused as a whole with one sentence.
 *
 * A notebook comes from anywhere, so its records may be forged or broken. What is not known is left out; figures are
 * within what a power station makes in a year; texts and lists have a longest length; nothing is taken for HTML.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import { joules, label, money, quality, spread } from '../frame';
import {
  Reader,
  Refusal,
  attempt,
  flag,
  isObject,
  list,
  name,
  number,
  object,
  oneOf,
  optional,
  orNull,
  whole
} from '../shape';
import type {
  IComponent,
  IPowerMismatch,
  IRecord,
  ITrace,
  Points
} from './energy';
import { oldMismatch } from './powerMismatch';

/** The MIME type of a metered cell. */
export const MIME = 'application/vnd.jupyter-green.cell.v1+json';
const VERSION = 1;

const LATEST = 1e9;
const WATTS = 1e12;

const maybe = <T>(reader: Reader<T>): Reader<T | null | undefined> =>
  optional(orNull(reader));
const duration = number(0, LATEST);
const text = name(4096);

const mismatch = object<IPowerMismatch>({
  ratio: number(-LATEST, LATEST),
  recent: flag
});

const fields: Reader<IComponent> = object<IComponent>({
  kind: oneOf('gpu', 'cpu', 'dram', 'other'),
  device: text,
  key: text,
  joules: orNull(joules),
  uncertainty: orNull(spread),
  gain_uncertainty: maybe(spread),
  method: oneOf('counter', 'power', 'model'),
  quality,
  scope: text,
  source: optional(text),
  idle_joules: maybe(joules),
  own_joules: maybe(joules),
  shared: maybe(flag),
  tick_seconds: maybe(duration),
  note: maybe(text),
  celsius: maybe(number(-LATEST, LATEST)),
  clock_mhz: maybe(number(0, LATEST)),
  throttle: maybe(list(name(40), 16)),
  power_mismatch: maybe(mismatch)
});

const component: Reader<IComponent> = value => {
  const part = fields(value);
  return part.power_mismatch === undefined
    ? { ...part, power_mismatch: oldMismatch(part.note) }
    : part;
};

const pair: Reader<[number, number | null] | null> = value => {
  if (!Array.isArray(value) || value.length < 2) {
    throw new Refusal('shape');
  }
  const at = orNull(number(-LATEST, LATEST))(value[0]);
  // A mean that no device draws is a fault of the sensor: a gap.
  const watts = attempt(number(0, WATTS), value[1]);
  return at === null ? null : [at, watts instanceof Refusal ? null : watts];
};

const points: Reader<Points> = value =>
  list(pair, 2000)(value).filter(each => each !== null);

const trace: Reader<ITrace | null> = value => {
  const { series, seconds, simulated } = object<{
    series: Record<string, unknown>;
    seconds: number | null;
    simulated: boolean;
  }>({
    series: each => {
      if (!isObject(each) || Object.keys(each).length > 256) {
        throw new Refusal('shape');
      }
      return each;
    },
    seconds: orNull(duration),
    simulated: flag
  })(value);
  return seconds === null
    ? null
    : {
        series: Object.entries(series).map(
          ([device, each]) => [text(device), points(each)] as const
        ),
        seconds,
        simulated
      };
};

const record: Reader<IRecord> = object<IRecord>({
  span: oneOf('cell', 'window', 'gap', 'trial'),
  status: oneOf('ok', 'error', 'interrupted', 'killed'),
  final: flag,
  seconds: value => orNull(duration)(value) ?? 0,
  components: list(component, 1024),
  units: maybe(number(-1e15, 1e15)),
  unit: maybe(text),
  batch_size: maybe(whole(1e9)),
  overhead_seconds: maybe(duration),
  co2e_grams: maybe(money),
  co2e_source: maybe(text),
  cost: maybe(money),
  currency: maybe(label),
  label: maybe(text),
  notes: list(text, 256),
  trace: maybe(trace)
});

/** Read the data of a record. */
export function readRecord(data: unknown): IRecord | Refusal {
  if (isObject(data) && data.schema !== VERSION) {
    return new Refusal(
      typeof data.schema === 'number' && data.schema > VERSION
        ? 'version'
        : 'shape',
      ['schema']
    );
  }
  return attempt(record, data);
}

/** What a person is told of a record that was refused. */
export function refusedRecord(
  refusal: Refusal,
  trans: TranslationBundle
): string {
  return refusal.kind === 'version'
    ? trans.__(
        'This energy record was written by a newer jupyter_green: install that release to see it.'
      )
    : trans.__(
        'This energy record can’t be read (%1), so nothing of it is shown: run the cell again.',
        refusal.where || trans.__('no record')
      );
}
