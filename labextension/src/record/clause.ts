/**
 * The one sentence that carries a record, in clauses: how much, how sure, from where, how long.
 *
 * The kernel says the same of the same record; `__tests__/records.ts` holds both to it. Every figure stands beside the
 * word for what it is, and the sentence alone is complete: what is drawn below it adds no claim.
 */
import {
  THIN,
  energy,
  head,
  known,
  roughPercent,
  seconds,
  watts,
  type IAmount
} from '../format';
import { line } from '../line';
import type { IFigure } from '../tokens';
import type { Words } from '../words';
import {
  attributed,
  figureOf,
  groups,
  onlyModelled,
  read,
  sum,
  type IComponent,
  type IRecord,
  type Read
} from './energy';
import { clipped, kindName, names, part, singular, whyAbsent } from './name';
import { worth } from './worth';

/** A stretch of text, and how it stands out. */
export type Piece = string | { text: string; as: 'b' | 'code' };
export type Clause = readonly Piece[];

export const DOCTOR: Piece = { text: '%energy doctor', as: 'code' };
const NAMED_ABSENT = 2;
const HAIR = '\u200a';

const strong = (text: string): Piece => ({ text, as: 'b' });

/** The clauses in the order in which people ask. */
export function clauses(words: Words, record: IRecord): Clause[] {
  const figure = figureOf(record.components);
  let said: Clause[];
  if (!known(figure.joules)) {
    said = withoutReading(words, record);
  } else if (!record.final) {
    said = soFar(words, record, figure);
  } else if (record.status === 'killed') {
    said = killed(words, record, figure);
  } else if (figure.below_resolution) {
    said = below(words, record, figure);
  } else {
    said = ordinary(words, record, figure);
  }
  return said.filter(clause => clause.some(piece => piece !== ''));
}

/** The sentence as plain text. */
export function told(said: readonly Clause[]): string {
  return said
    .map(clause =>
      clause.map(each => (typeof each === 'string' ? each : each.text)).join('')
    )
    .join(' · ')
    .replace(/\u202f/g, ' ')
    .replace(/\u200a/g, '');
}

function ordinary(words: Words, record: IRecord, figure: IFigure): Clause[] {
  const { trans } = words;
  const amount = energy(figure.joules, figure.uncertainty, null, words.choice);
  const reading = words.reading(figure);
  const doubt =
    amount.uncertainty === null ? trans.__('± not known') : reading.doubt;
  const shared = record.components.some(attributed);
  return [
    [
      strong(words.text({ ...reading, doubt: '' })),
      ` ${shared ? trans.__('%1 in all', doubt) : doubt}`
    ],
    ...devices(words, record, amount),
    ...absent(words, record),
    [lasted(words, record)],
    [perUnit(words, record, figure)],
    ...worth(words, record).map(each => [each])
  ];
}

function devices(words: Words, record: IRecord, block: IAmount): Clause[] {
  const { trans } = words;
  if (onlyModelled(record)) {
    const why = missing(record).length
      ? trans.__('%1 estimated, no sensor was read', names(words, record))
      : trans.__('%1 estimated, no sensor can be read', names(words, record));
    return [[`${why} (`, DOCTOR, ')']];
  }
  return groups(record).map(group => [device(words, group, block)]);
}

function device(words: Words, group: Read[], block: IAmount): string {
  const { trans } = words;
  const [{ quality, shared }] = group;
  const total = sum(group.map(each => each.joules));
  const name = kindName(words, group);
  const written = part(words, total, block);
  if (attributed(group[0])) {
    const own = part(
      words,
      sum(group.map(each => each.own_joules ?? 0)),
      block
    );
    const split =
      group.length === 1
        ? trans.__('shared: %1 attributed of the board’s %2', own, written)
        : trans.__('shared: %1 attributed of the boards’ %2', own, written);
    return quality === 'measured'
      ? `${name} ${split}`
      : `${name} ${words.quality(quality)}, ${split}`;
  }
  const said = `${name} ${words.quality(quality)} ${written}`;
  if (quality === 'estimated') {
    const { uncertainty } = figureOf(group);
    return uncertainty !== null && total > 0
      ? `${said} (±${HAIR}${roughPercent(uncertainty / total)})`
      : said;
  }
  return shared ? trans.__('%1, shared with other processes', said) : said;
}

function missing(record: IRecord): IComponent[] {
  return record.components.filter(each => !known(each.joules));
}

function absent(words: Words, record: IRecord): Clause[] {
  const { trans } = words;
  const all = missing(record);
  const more = all.length - NAMED_ABSENT;
  return [
    ...all
      .slice(0, NAMED_ABSENT)
      .map(each => [
        trans.__(
          '%1 not counted: %2',
          line(each.device, 40) || kindName(words, [each]),
          whyAbsent(words, each)
        )
      ]),
    [more > 0 ? trans.__('%1 more not counted', more) : '']
  ];
}

function lasted(words: Words, record: IRecord): string {
  const { trans } = words;
  const time = seconds(record.seconds);
  switch (record.status) {
    case 'error':
      return trans.__('stopped by an error after %1, still counted', time);
    case 'interrupted':
      return trans.__('interrupted after %1', time);
    default:
      return record.span === 'gap' ? trans.__('%1 between cells', time) : time;
  }
}

/** "0.310 J ± 0.015 per token". */
function perUnit(words: Words, record: IRecord, figure: IFigure): string {
  const { units } = record;
  if (!units || !known(figure.joules)) {
    return '';
  }
  const each = energy(
    figure.joules / units,
    figure.uncertainty === null ? null : figure.uncertainty / Math.abs(units),
    null,
    words.choice
  );
  const doubt = each.uncertainty === null ? '' : ` ±${THIN}${each.uncertainty}`;
  const name = line(record.unit || words.trans.__('unit'), 40);
  return words.trans.__('%1 per %2', head(each) + doubt, singular(name));
}

function withoutReading(words: Words, record: IRecord): Clause[] {
  const { trans } = words;
  if (!record.final) {
    return [[strong(trans.__('no reading yet'))], [seconds(record.seconds)]];
  }
  const notes = [...record.components.map(each => each.note), ...record.notes];
  const note = notes.find(each => each && each.trim() !== '');
  const why = note
    ? clipped(note, 300)
    : record.components.length > 0
      ? trans.__('no sensor answered')
      : trans.__('no sensor was found');
  return [
    [strong(trans.__('no reading')), `: ${why}`],
    [DOCTOR],
    [
      record.status === 'killed'
        ? trans.__('kernel killed')
        : lasted(words, record)
    ]
  ];
}

function soFar(words: Words, record: IRecord, figure: IFigure): Clause[] {
  const { trans } = words;
  const reading = words.text({ ...words.reading(figure), doubt: '' });
  return [
    [strong(trans.__('%1 so far', reading))],
    [figure.quality === 'simulated' ? words.quality('simulated') : ''],
    [power(words, record, figure)],
    ...absent(words, record),
    [lasted(words, record)]
  ];
}

/** The latest power of all devices that have one, else the mean. */
function power(words: Words, record: IRecord, figure: IFigure): string {
  const { trans } = words;
  const ends = (record.trace?.series ?? []).flatMap(([_, points]) =>
    points
      .map(([_at, each]) => each)
      .filter(known)
      .slice(-1)
  );
  if (ends.length > 0) {
    return trans.__('%1 now', watts(sum(ends)));
  }
  return record.seconds > 0
    ? trans.__('%1 mean', watts((figure.joules ?? 0) / record.seconds))
    : '';
}

function killed(words: Words, record: IRecord, figure: IFigure): Clause[] {
  const { trans } = words;
  const joules = figure.joules ?? 0;
  const doubt = figure.uncertainty;
  const least = doubt === null ? joules : joules - doubt;
  const standing = groups(record)
    .map(
      group => `${kindName(words, group)} ${words.quality(group[0].quality)}`
    )
    .join(', ');
  return [
    least > 0
      ? [strong(words.text(words.bound('≥', least)))]
      : [
          strong(
            words.text(words.bound('≤', Math.max(0, joules + (doubt ?? 0))))
          ),
          ` ${trans.__('counted')}`
        ],
    [trans.__('kernel killed')],
    [
      trans.__(
        'counted up to the last heartbeat, as a rule within 1 s of the end'
      )
    ],
    [figure.quality === 'measured' ? '' : standing],
    ...absent(words, record)
  ];
}

function below(words: Words, record: IRecord, figure: IFigure): Clause[] {
  const { trans } = words;
  const took = trans.__('this took %1', seconds(record.seconds));
  const ticks = read(record.components)
    .filter(each => each.method !== 'model' || each.quality === 'simulated')
    .map(each => each.tick_seconds ?? 0);
  const tick = Math.max(0, ...ticks);
  const sensor =
    figure.quality === 'simulated'
      ? trans.__('simulated sensor')
      : trans.__('sensor');
  const why: Clause[] = onlyModelled(record)
    ? [
        [
          `${trans.__('%1 estimated, too little to tell from nothing', names(words, record))} (`,
          DOCTOR,
          ')'
        ],
        [took]
      ]
    : tick > record.seconds / 10
      ? [
          [
            trans.__(
              'below what the %1 resolves: it ticks every %2, %3',
              sensor,
              seconds(tick),
              took
            )
          ]
        ]
      : [
          [
            trans.__(
              'below what the %1 resolves: its error is as large as the figure, %2',
              sensor,
              took
            )
          ]
        ];
  const repeats =
    record.span === 'cell' && record.status === 'ok'
      ? [
          { text: '%%energyit', as: 'code' } as const,
          ` ${trans.__('repeats it until it can tell')}`
        ]
      : [record.status === 'ok' ? '' : lasted(words, record)];
  return [
    [strong(words.figure(figure))],
    ...why,
    repeats,
    ...absent(words, record)
  ];
}
