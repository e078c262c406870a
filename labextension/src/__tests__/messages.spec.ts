import { announcement, cellSentence } from '../format/cellSentences';
import { Messages } from '../format/messages';
import { comparison, cell, figure, trans } from './sample';

const messages = new Messages(trans);
const plainSpaces = (text: string): string => text.replace(/\u202f/g, ' ');
const sentenceOf = (...args: Parameters<typeof cell>): string =>
  plainSpaces(
    cellSentence(messages, { ...cell(...args), execution_count: 4 }, '“before”')
  );
const readingText = (...args: Parameters<typeof cell>): string =>
  plainSpaces(messages.text(messages.cellReading(cell(...args))));
const estimated = { quality: 'estimated', measured_share: 0 } as const;

describe('processor time', () => {
  const timed = comparison({ basis: 'cpu_time', ratio: -0.57 });

  it('is compared where energy is only estimated', () => {
    expect(messages.difference(cell(9, 6, { against: timed }))).toEqual({
      sign: '−57\u202f%',
      word: 'CPU time',
      excess: false
    });
  });

  it('of one run is not significant on a busy machine', () => {
    const once = comparison({
      ...timed,
      verdict: 'unproven',
      reason: 'one run'
    });
    expect(messages.difference(cell(9, 6, { against: once }))).toEqual({
      sign: '≈',
      word: 'one run',
      excess: false
    });
  });
});

describe('figures', () => {
  it('mark values without any measured part', () => {
    expect(plainSpaces(messages.figure(figure(92, 37, estimated)))).toBe(
      '~90 J ± 40'
    );
    expect(messages.provenance(figure(92, 37, estimated))).toBe('estimated');
  });

  it('state the measured share', () => {
    const partly = figure(4100, 200, {
      quality: 'estimated',
      measured_share: 0.85
    });
    expect(plainSpaces(messages.figure(partly))).toBe('4.1 kJ ± 0.2');
    expect(plainSpaces(messages.provenance(partly))).toBe('85 % measured');
  });

  it('never call a simulated figure measured', () => {
    const simulated = figure(41, 2, { quality: 'simulated' });
    expect(messages.provenance(simulated)).toBe('simulated');
    expect(sentenceOf(41, 2, { figure: simulated })).toContain('simulated');
    expect(sentenceOf(41, 2, { figure: simulated })).not.toContain('measured');
  });

  it('state that a ± is not known', () => {
    expect(plainSpaces(messages.figure(figure(41)))).toBe('41 J ± –');
    expect(sentenceOf(41)).toBe('Cell 4: 41 joules, uncertainty not known');
  });

  it('are missing, not 0, without a reading', () => {
    expect(messages.figure(figure(null))).toBe('–');
    expect(messages.provenance(figure(null))).toBe('no reading');
    expect(readingText(null, null, { status: 'running', final: false })).toBe(
      '–'
    );
  });
});

describe('a row', () => {
  it('gives an upper bound below the resolution', () => {
    const below = figure(0.3, 0.45, { below_resolution: true });
    expect(readingText(0, 0, { figure: below })).toBe('≤ 0.8 J');
  });

  it('gives a lower bound where the kernel was killed', () => {
    expect(readingText(52, 7, { status: 'killed' })).toBe('≥ 45 J');
  });

  it('says "so far" while figures change', () => {
    expect(readingText(570, 20, { status: 'running', final: false })).toBe(
      '570 J so far'
    );
    expect(readingText(570, 20, { final: false })).toBe('570 J so far');
    // The ± of a running cell is wide, but the figure is still shown.
    expect(readingText(247, 310, { final: false })).toBe('250 J so far');
  });

  it.each([
    [{}, '−38 %', '', false],
    [{ verdict: 'more', ratio: 0.27 }, '+27 %', '', true],
    [{ edited: true }, '−38 %', 'code changed', false],
    [{ verdict: 'unproven' }, '≈', 'not proven', false],
    [{ verdict: 'none', reason: 'shared' }, '–', 'shared', false],
    [{ verdict: 'none', reason: 'a new reason' }, '–', 'a new reason', false]
  ] as const)('beside its baseline %p', (more, sign, word, excess) => {
    const shown = messages.difference(
      cell(1, 1, { against: comparison(more) })
    );
    expect({ ...shown, sign: plainSpaces(shown.sign) }).toEqual({
      sign,
      word,
      excess
    });
  });

  it('gives no ratio that is not significant', () => {
    for (const verdict of ['unproven', 'none'] as const) {
      const shown = messages.difference(
        cell(1, 1, { against: comparison({ verdict, ratio: -0.38 }) })
      );
      expect(shown.sign).not.toMatch(/\d/);
    }
  });
});

describe('a row for screen readers', () => {
  it('is one sentence', () => {
    expect(sentenceOf(1237, 41, { against: comparison() })).toBe(
      'Cell 4: 1.24 kilojoules, plus or minus 0.04, 38 percent below “before”'
    );
  });

  it('states an error, changed code, a difference that is not significant', () => {
    const more = comparison({ verdict: 'unproven', edited: true });
    expect(sentenceOf(31, 5, { status: 'error', against: more })).toBe(
      'Cell 4: 31 joules, plus or minus 5, ended with an error, ' +
        'no proven difference from “before”, code changed since the baseline'
    );
  });

  it('states why there is no comparison', () => {
    const none = comparison({ verdict: 'none', reason: 'other devices' });
    expect(sentenceOf(31, 5, { against: none })).toContain(
      'not compared: other devices'
    );
  });

  it('states which conditions leave a difference unproven', () => {
    const hot = comparison({ verdict: 'unproven', reason: 'throttled' });
    expect(sentenceOf(31, 5, { against: hot })).toContain(
      'no proven difference from “before”: the device was throttled in this run and not in the baseline’s'
    );
    expect(
      messages.conditionsReason(
        comparison({ verdict: 'unproven', reason: null })
      )
    ).toBe('');
  });

  it('states the last run while a cell runs', () => {
    expect(
      sentenceOf(570, 20, {
        status: 'running',
        final: false,
        last_run: figure(41, 2)
      })
    ).toBe(
      'Cell 4: 570 joules so far, running, last run 41 joules, plus or minus 2'
    );
  });

  it('states a shared device and re-runs', () => {
    const text = sentenceOf(96, 2, {
      shared: true,
      own_joules: 51,
      device_joules: 96,
      reruns: 2,
      rerun_joules: 82
    });
    expect(text).toContain('Cell 4: 51 joules');
    expect(text).toContain('51 J of 96 J attributed to this kernel');
    expect(text).toContain('run 2 times before with 82 J, in the total');
  });
});

describe('the announcement when a cell ends', () => {
  it('is one short line', () => {
    const ended = { ...cell(31, 5, { status: 'error' }), execution_count: 8 };
    expect(announcement(messages, ended, figure(3500, 200))).toBe(
      'Cell 8, ended with an error, 31 joules, plus or minus 5. ' +
        'Notebook total 3.5 kilojoules.'
    );
  });
});

describe('the baseline’s name', () => {
  const head = { name: null, runs: 5, figure: figure(1), cells: 1, made_at: 0 };
  it.each([
    [{ ...head, kind: 'named', name: 'before' }, '“before”'],
    [{ ...head, kind: 'last' }, 'last run'],
    [{ ...head, kind: 'median' }, 'median of 5 runs'],
    [{ ...head, kind: 'median', runs: 1 }, 'last run']
  ] as const)('%p', (baseline, name) => {
    expect(messages.baseline(baseline)).toBe(name);
  });
});
