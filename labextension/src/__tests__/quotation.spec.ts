import { modelCardSection, chatMessage } from '../format/shareText';
import { Messages } from '../format/messages';
import type { IPart } from '../tokens';
import { comparison, cell, figure, state, totals, trans } from './sample';

const messages = new Messages(trans);
const sum = (more = {}) =>
  totals(figure(4100, 200, { co2e_grams: 0.0638, ...more }), {
    against: comparison({ ratio: -0.29 }),
    compared: 6
  });
const devices = [
  { key: 'a', kind: 'gpu', device: 'NVIDIA A10', quality: 'measured' },
  { key: 'b', kind: 'gpu', device: 'NVIDIA A10', quality: 'measured' }
] as const;
const processor = {
  key: 'c',
  kind: 'cpu',
  device: 'EPYC',
  quality: 'estimated'
} as const;
const baseline = {
  kind: 'named',
  name: 'before',
  runs: 1,
  figure: figure(5800, 200),
  cells: 6,
  made_at: null
} as const;
const now = state({ devices, baseline });

describe('a total for a message', () => {
  it('equals the kernel’s text', () => {
    // The kernel must write the same lines: tests/labextension/test_quotation.py.
    const whole = {
      ...sum({ quality: 'estimated', measured_share: 0.83 }),
      parts: [
        { kind: 'gpu', joules: 3400, uncertainty: 100, quality: 'measured' },
        { kind: 'cpu', joules: 700, uncertainty: 170, quality: 'estimated' }
      ] satisfies IPart[],
      seconds: 12,
      cells: 6
    };
    const seen = { ...now, devices: [...devices, processor] };
    expect(chatMessage(messages, seen, whole)).toBe(
      '`sentiment.ipynb`: 4.1 kJ ± 0.2, 83 % measured · −29 % against “before” on the 6 cells both runs finished\n' +
        '2 GPUs measured 3.4 kJ · CPU estimated 0.7 kJ · NVIDIA A10, EPYC · 6 cells, 12 s · 64 mg CO₂e'
    );
  });

  it('states no difference that is not significant', () => {
    const unproven = {
      ...sum(),
      against: comparison({ verdict: 'unproven' as const })
    };
    expect(chatMessage(messages, now, unproven)).toContain(
      'no proven difference from “before”'
    );
  });
});

describe('a total for a model card', () => {
  const source =
    '56 g CO2e/kWh, given by you; PUE 1, as for your own machine: no overhead of a building added';
  const read: IPart[] = [
    { kind: 'gpu', joules: 4100, uncertainty: 200, quality: 'measured' },
    { kind: 'cpu', joules: null, uncertainty: null, quality: 'estimated' }
  ];

  it('begins with the front matter that model hubs read', () => {
    // The kernel must write the same lines (tests/labextension/test_quotation.py); an unread processor is left out.
    const seen = { ...now, devices: [...devices, processor] };
    const whole = { ...sum(), parts: read, co2e_source: source };
    expect(
      modelCardSection(messages, seen, whole).split('\n').slice(0, 8)
    ).toEqual([
      '---',
      'co2_eq_emissions:',
      '  emissions: 0.0638',
      `  source: "jupyter_green, 4.1 kJ ± 0.2 measured, 56 g CO2e/kWh, given by you; PUE 1, as for your own machine: no overhead of a building added"`,
      '  hardware_used: "NVIDIA A10"',
      '---',
      '',
      '## Energy'
    ]);
  });

  it.each([
    ['no region is set', {}, { co2e_grams: null }],
    ['a device is simulated', {}, { quality: 'simulated' as const }],
    ['only a bound is known', {}, { below_resolution: true }],
    ['a cell runs', { busy: true }, {}],
    [
      'a kernel was killed',
      { cells: [cell(55, 3, { status: 'killed' as const })] },
      {}
    ],
    ['nothing was read', {}, { joules: null }]
  ])('has no front matter where %s', (_, seen, more) => {
    const text = modelCardSection(messages, { ...now, ...seen }, sum(more));
    expect(text).not.toContain('co2_eq_emissions');
    expect(text.startsWith('## Energy')).toBe(true);
  });

  it('writes grams as a YAML number', () => {
    const tiny = modelCardSection(
      messages,
      now,
      sum({ co2e_grams: 1.23456e-7 })
    );
    expect(tiny).toContain('emissions: 0.000000123\n');
    const large = modelCardSection(messages, now, sum({ co2e_grams: 1234567 }));
    expect(large).toContain('emissions: 1230000\n');
  });

  it('escapes a device’s name', () => {
    const text = modelCardSection(
      messages,
      state({
        devices: [{ ...devices[0], device: 'a"\n---\nb: [x](y) <script>' }]
      }),
      { ...sum(), parts: read }
    );
    expect(text).toContain('hardware_used: "a\\" --- b: [x](y) <script>"');
    expect(text).toContain('\\[x\\](y) \\<script\\>');
  });
});
