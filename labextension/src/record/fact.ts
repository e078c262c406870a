/**
 * What else a reader of a record must know, as terms and what is said of them.
 *
 * Each estimated figure is explained and points to the doctor, and what was not metered is named, so that nobody takes
 * the sum for the whole machine.
 */
import {
  THIN,
  doubted,
  energy,
  fixed,
  head,
  known,
  seconds,
  wattHours
} from '../format';
import { line } from '../line';
import type { Words } from '../words';
import { DOCTOR, type Clause } from './clause';
import { clipped, deviceName, kindName, part } from './name';
import {
  attributed,
  figureOf,
  groups,
  read,
  sum,
  type IRecord
} from './energy';
import { grams, worth } from './worth';

export type Fact = readonly [term: string, said: Clause];

export function facts(words: Words, record: IRecord): Fact[] {
  const { trans } = words;
  const notes = notesOf(words, record);
  const overhead = record.overhead_seconds ?? 0;
  const all: Fact[] = [
    [trans.__('Label'), [line(record.label ?? '')]],
    [trans.__('Counted'), [counted(words, record)]],
    [trans.__('Batch size'), [batch(words, record)]],
    [trans.__('Also'), [also(words, record)]],
    [trans.__('Split'), [split(words, record)]],
    [trans.__('Idle share'), [idle(words, record)]],
    [trans.__('Conditions'), [conditions(words, record)]],
    [trans.__('Not metered'), [notMetered(words, record)]],
    [trans.__('Why estimated'), whyEstimated(words, record)],
    [trans.__('Why simulated'), [whySimulated(words, record)]],
    [trans._n('Note', 'Notes', notes.length), [notes.join('\n')]],
    [trans.__('Cost of metering'), [overhead > 0 ? seconds(overhead) : '']]
  ];
  return all.filter(([_, said]) => said.some(piece => piece !== ''));
}

function notesOf(words: Words, record: IRecord): string[] {
  return [
    ...record.notes.map(note => line(note, 400)),
    ...record.components
      .filter(
        each => each.note && known(each.joules) && each.quality !== 'estimated'
      )
      .map(each => `${deviceName(words, each)}: ${line(each.note ?? '', 400)}`)
  ];
}

function counted(words: Words, record: IRecord): string {
  const figure = figureOf(record.components);
  if (record.status !== 'killed' || !known(figure.joules)) {
    return '';
  }
  const amount = energy(figure.joules, figure.uncertainty, null, words.choice);
  const doubt =
    amount.uncertainty === null ? '' : ` ±${THIN}${amount.uncertainty}`;
  return words.trans.__(
    '%1 up to the last heartbeat, in %2',
    head(amount) + doubt,
    seconds(record.seconds)
  );
}

function batch({ trans }: Words, record: IRecord): string {
  if (!known(record.batch_size)) {
    return '';
  }
  const size = fixed(record.batch_size, 0);
  return record.units && read(record.components).length > 0
    ? trans.__('%1 at a time; joules per unit depend on it', size)
    : trans.__('%1 at a time', size);
}

function also(words: Words, record: IRecord): string {
  const figure = figureOf(record.components);
  const joules = figure.joules;
  if (joules === null || joules <= 0) {
    return '';
  }
  // Where only an upper bound of the joules stands, what follows from them is a bound too.
  const most = figure.below_resolution
    ? joules + (figure.uncertainty ?? 0)
    : null;
  const hours = most === null ? wattHours(joules) : wattHours(most, 'ceiling');
  const said = [
    hours.join(THIN),
    ...(most === null
      ? worth(words, record).map(each => each + doubted(figure))
      : [
          grams(
            words,
            known(record.co2e_grams)
              ? (record.co2e_grams * most) / joules
              : null,
            'ceiling'
          )
        ])
  ].filter(each => each !== '');
  if (record.co2e_source && known(record.co2e_grams)) {
    said[1] += ` (${line(record.co2e_source)})`;
  }
  const sign = most === null ? '' : `≤${THIN}`;
  return said
    .map((each, index) => (index < 2 ? sign + each : each))
    .join(' · ');
}

function split({ trans, choice }: Words, record: IRecord): string {
  if (!record.components.some(attributed)) {
    return '';
  }
  const found = read(record.components);
  const own = found.every(each => known(each.own_joules))
    ? sum(found.map(each => each.own_joules ?? 0))
    : null;
  const { uncertainty } = figureOf(found);
  const ours =
    own === null
      ? ''
      : `${trans.__(
          '%1 of the total are this kernel’s',
          head(energy(own, uncertainty, null, choice))
        )}; `;
  return (
    ours +
    trans.__(
      'the device is read as a whole and its energy attributed by use, which is fair only where all load it alike; to be sure, run alone'
    )
  );
}

function idle(words: Words, record: IRecord): string {
  return read(record.components)
    .filter(each => known(each.idle_joules))
    .map(each => {
      const amount = energy(each.joules, each.uncertainty, null, words.choice);
      return words.trans.__(
        'of %1 of %2 the idle device would have drawn %3',
        head(amount),
        deviceName(words, each),
        part(words, each.idle_joules ?? 0, amount)
      );
    })
    .join('; ');
}

function conditions(words: Words, record: IRecord): string {
  const { trans } = words;
  const causes: Record<string, string> = {
    thermal: trans.__('throttled by heat'),
    power_brake: trans.__('throttled by a power brake'),
    hardware: trans.__('throttled by the hardware'),
    power_cap: trans.__('held at its power limit')
  };
  return record.components
    .map(each => {
      const said = [
        known(each.celsius)
          ? trans.__('up to %1', `${fixed(each.celsius, 0)}${THIN}°C`)
          : '',
        known(each.clock_mhz) ? `${fixed(each.clock_mhz, 0)}${THIN}MHz` : '',
        ...(each.throttle ?? []).map(code => causes[code] ?? line(code, 40))
      ].filter(one => one !== '');
      return said.length === 0
        ? ''
        : `${deviceName(words, each)}: ${said.join(', ')}`;
    })
    .filter(each => each !== '')
    .join('; ');
}

function notMetered(words: Words, record: IRecord): string {
  const { trans } = words;
  const found = read(record.components);
  const memory = found.some(
    each =>
      each.kind === 'dram' ||
      /dram|module|platform|whole machine/i.test(each.scope)
  );
  return [
    ...record.components
      .filter(each => !known(each.joules))
      .map(each => deviceName(words, each)),
    ...(memory ? [] : ['DRAM']),
    trans.__('disk'),
    trans.__('network'),
    trans.__('cooling')
  ].join(', ');
}

function whyEstimated(words: Words, record: IRecord): Clause {
  const { trans } = words;
  const said = groups(record)
    .filter(([first]) => first.quality === 'estimated')
    .map(group => {
      const notes = group
        .filter(each => each.note)
        .map(each => clipped(each.note ?? '', 300));
      const [{ kind, method }] = group;
      const usual =
        method !== 'model'
          ? trans.__('its sensor tells it only indirectly')
          : kind === 'cpu'
            ? trans.__(
                'no energy sensor of it could be read, processor time stands in for it'
              )
            : trans.__(
                'no energy sensor of it could be read, a model stands in for it'
              );
      return `${kindName(words, group)}: ${[...new Set(notes)].join('; ') || usual}`;
    });
  return said.length === 0
    ? []
    : [
        `${said.join('; ')}. `,
        DOCTOR,
        ` ${trans.__('tells what can be done.')}`
      ];
}

function whySimulated(words: Words, record: IRecord): string {
  const names = read(record.components)
    .filter(each => each.quality === 'simulated')
    .map(each => deviceName(words, each));
  return names.length === 0
    ? ''
    : words.trans.__(
        '%1: a simulated driver answered; this is no measurement',
        names.join(', ')
      );
}
