import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { clauses, told } from '../record/clause';
import { Devices } from '../record/devices';
import type { IRecord } from '../record/energy';
import { figureOf } from '../record/energy';
import { facts } from '../record/fact';
import { card, message } from '../record/quotation';
import { readRecord, refusedRecord } from '../record/schema';
import { lanes } from '../record/staircase';
import { Record } from '../record/view';
import { Refusal } from '../shape';
import { Words } from '../words';
import { RECORDS } from './records';
import { trans } from './sample';

const words = new Words(trans);

function read(data: unknown): IRecord {
  const found = readRecord(data);
  if (found instanceof Refusal) {
    throw new Error(`refused: ${found.where}`);
  }
  return found;
}

function named(name: string): { [key: string]: unknown } {
  const found = RECORDS.find(each => each.name === name);
  return JSON.parse(JSON.stringify(found?.data)) as {
    [key: string]: unknown;
  };
}

const joined = (said: ReturnType<typeof clauses>[number]): string =>
  said.map(each => (typeof each === 'string' ? each : each.text)).join('');

const drawn = (record: IRecord | Refusal): string =>
  renderToStaticMarkup(React.createElement(Record, { words, record }));

/** The text of markup, cells apart from each other. */
const texts = (markup: string): string =>
  markup
    .replace(/<[^>]*>/g, '\n')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#x27;/g, "'")
    .replace(/&amp;/g, '&');

function rows(record: IRecord): string[][] {
  const table = renderToStaticMarkup(
    React.createElement(Devices, { words, record })
  );
  const body = /<tbody>(.*)<\/tbody>/s.exec(table)?.[1] ?? '';
  return [...body.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([_, line]) =>
    [...line.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([_all, cell]) =>
      texts(cell).trim()
    )
  );
}

describe.each(RECORDS)('a record: $name', known => {
  const record = read(known.data);

  it('is told in the words of the kernel', () => {
    expect(told(clauses(words, record))).toBe(known.sentence);
    expect(message(words, { ...record, label: null })).toBe(known.line);
  });

  it('is explained in the words of the kernel', () => {
    if (record.final) {
      expect(
        facts(words, record).map(([term, said]) => [term, joined(said)])
      ).toEqual(known.facts);
      expect(rows(record)).toEqual(known.rows);
    }
  });

  it('is drawn as text, with the sentence first', () => {
    const markup = drawn(record);
    expect(markup).not.toMatch(/<script|<img/i);
    const first = record.final
      ? (/<summary>(.*)<\/summary>/s.exec(markup)?.[1] ?? '')
      : markup;
    expect(
      texts(first)
        .replace(/\n/g, '')
        .replace(/\u202f/g, ' ')
        .replace(/\u200a/g, '')
    ).toBe(known.sentence);
  });
});

describe('a record of an older version', () => {
  it('has what its notes tell of a counter that its board contradicts', () => {
    const { components, ...rest } = named('contradicted');
    const old = (components as Record<string, unknown>[]).map(
      ({ power_mismatch: _, ...each }) => each
    );
    const record = read({ ...rest, components: old });
    expect(record.components.map(each => each.power_mismatch)).toEqual([
      { ratio: 0.3, recent: false },
      { ratio: -0.26, recent: true },
      { ratio: 0.3, recent: false },
      null
    ]);
    expect(message(words, record)).toBe(
      RECORDS.find(each => each.name === 'contradicted')?.line
    );
  });
});

describe('a record from elsewhere', () => {
  const forged = (change: { [key: string]: unknown }): unknown => ({
    ...named('ok'),
    ...change
  });
  const part = (change: { [key: string]: unknown }): unknown => {
    const [first, ...rest] = named('ok').components as object[];
    return forged({ components: [{ ...first, ...change }, ...rest] });
  };

  it.each([
    ['nothing', null, ''],
    ['a text', '<b>12 J</b>', ''],
    ['a list', [named('ok')], ''],
    ['no schema', forged({ schema: undefined }), 'schema'],
    ['another schema', forged({ schema: '1' }), 'schema'],
    ['joules as text', part({ joules: '<b>12</b>' }), 'components.0.joules'],
    ['a huge number', part({ joules: 1e300 }), 'components.0.joules'],
    ['what is no number', part({ joules: NaN }), 'components.0.joules'],
    ['infinity', part({ uncertainty: Infinity }), 'components.0.uncertainty'],
    ['a negative ±', part({ uncertainty: -1 }), 'components.0.uncertainty'],
    [
      'a quality of its own',
      part({ quality: 'proven' }),
      'components.0.quality'
    ],
    [
      'a mismatch that is a sentence',
      part({ power_mismatch: { ratio: 'more', recent: false } }),
      'components.0.power_mismatch.ratio'
    ],
    ['a kind of its own', part({ kind: '<svg>' }), 'components.0.kind'],
    ['a device that is no text', part({ device: {} }), 'components.0.device'],
    ['a status of its own', forged({ status: 'perfect' }), 'status'],
    ['seconds before time', forged({ seconds: -1 }), 'seconds'],
    ['grams as text', forged({ co2e_grams: '0' }), 'co2e_grams'],
    ['notes that are no list', forged({ notes: 'x' }), 'notes'],
    [
      'too many devices',
      forged({ components: Array(2000).fill({}) }),
      'components'
    ],
    [
      'a trace that is none',
      forged({ trace: { series: [], seconds: 1, simulated: false } }),
      'trace.series'
    ],
    [
      'points that are none',
      forged({ trace: { series: { a: [1] }, seconds: 1, simulated: false } }),
      'trace'
    ]
  ])('is refused with one sentence: %s', (_, data, where) => {
    const found = readRecord(data);
    expect(found).toBeInstanceOf(Refusal);
    const markup = drawn(found);
    expect(texts(markup)).toContain('can’t be read');
    expect((found as Refusal).where).toContain(where);
  });

  it('of a later form asks for the release that wrote it', () => {
    const found = readRecord(forged({ schema: 2 }));
    expect(refusedRecord(found as Refusal, trans)).toContain('newer');
  });

  it('can’t claim more than its parts', () => {
    const record = read(
      forged({
        joules: 0.001,
        uncertainty: 0,
        quality: 'measured',
        measured_share: 1
      })
    );
    expect(told(clauses(words, record))).toContain('12.4 J ± 0.6');
    expect(figureOf(record.components)).toMatchObject({
      quality: 'estimated'
    });
  });

  it('keeps a gap where a device says what none draws', () => {
    const record = read(
      forged({
        trace: {
          series: {
            a: [
              [0, 1],
              [1, 1e30],
              [2, null],
              [null, 3],
              [3, 2]
            ]
          },
          seconds: 4,
          simulated: false
        }
      })
    );
    expect(record.trace?.series[0][1]).toEqual([
      [0, 1],
      [1, null],
      [2, null],
      [3, 2]
    ]);
  });

  it('is text where it is HTML', () => {
    const markup = drawn(read(named('hostile names')));
    expect(markup).not.toMatch(/<script|<img/i);
    expect(texts(markup)).toContain('<script>window.broken=1</script>');
    expect(markup).not.toContain('\u202e');
  });
});

describe('the course of power', () => {
  const trace = {
    series: [
      [
        'GPU',
        [
          [0, 10],
          [1, null],
          [2, 20],
          [3, 5]
        ]
      ]
    ],
    seconds: 4,
    simulated: false
  } as const;

  it('is a staircase, and a gap stays a gap', () => {
    const [lane] = lanes(trace);
    expect(lane).toMatchObject({
      device: 'GPU',
      watts: [10, 20, 5],
      gaps: true
    });
    expect(lane.stretches.map(each => each.line)).toEqual([
      'M0,15.5V15.5H250',
      'M500,2V2H750V22.3H1000'
    ]);
    expect(lane.stretches[0].area).toBe('M0,30V15.5H250V30Z');
  });

  it('ends with the window, and survives one of no length', () => {
    expect(lanes({ ...trace, seconds: 0 })[0].stretches).toEqual([]);
    expect(lanes({ ...trace, seconds: 2.5 })[0].watts).toEqual([10, 20]);
  });
});

describe('a record for others to read', () => {
  it('is its sentence, for a message', () => {
    expect(message(words, read(named('ok')))).toBe(
      RECORDS.find(each => each.name === 'ok')?.sentence
    );
  });

  it('has a head that model hubs read, where CO2e is known', () => {
    const text = card(words, read(named('valued')));
    expect(text.split('\n').slice(0, 7)).toEqual([
      '---',
      'co2_eq_emissions:',
      '  emissions: 0.000190',
      '  source: "jupyter_green, 12.4 J ± 0.6 90 % measured, FR, 56 g/kWh"',
      '  hardware_used: "GPU 0, RTX A500, CPU"',
      '---',
      ''
    ]);
    expect(text).toContain('## Energy');
  });

  it.each(['ok', 'simulated', 'below', 'killed', 'so far', 'no reading'])(
    'has none where it may not claim any: %s',
    name => {
      const data = { ...named(name), co2e_grams: name === 'ok' ? null : 1 };
      const text = card(words, read(data));
      expect(text).not.toContain('co2_eq_emissions');
      expect(text).toContain('## Energy');
    }
  );

  it('takes the marks of Markdown and YAML for text', () => {
    const text = card(words, read(named('hostile names')));
    const head = text.slice(0, text.indexOf('## Energy'));
    expect(head.split('\n').filter(line => line === '---')).toHaveLength(2);
    expect(text.slice(head.length)).not.toMatch(/(^|[^\\])[<>]/);
  });
});
