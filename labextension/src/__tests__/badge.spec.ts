import { columns, badgePosition, type IEditor } from '../badge/badgePosition';
import { belongsToExecution, badgeTextFor } from '../badge/badgeText';
import { Messages } from '../format/messages';
import { comparison, cell, figure, trans } from './sample';

const messages = new Messages(trans);
const plainSpaces = (text: string): string => text.replace(/\u202f/g, ' ');
const badgeOf = (...args: Parameters<typeof cell>): string =>
  plainSpaces(badgeTextFor(messages, cell(...args), '“before”')?.text ?? '');

describe('badge text', () => {
  it('shows figure, ± and a significant difference', () => {
    expect(badgeOf(1240, 40, { against: comparison() })).toBe(
      '1.24 kJ ± 0.04 · −38 %'
    );
    expect(badgeOf(11.2, 0.3)).toBe('11.2 J ± 0.3');
  });

  it('marks the quality of the figure', () => {
    const estimated = { quality: 'estimated', measured_share: 0 } as const;
    expect(badgeOf(20, 8, { figure: figure(20, 8, estimated) })).toBe(
      '~20 J ± 8'
    );
    const simulated = figure(20, 8, { quality: 'simulated' });
    expect(badgeOf(20, 8, { figure: simulated })).toBe('20 J ± 8 · simulated');
    const below = figure(0.3, 0.5, { below_resolution: true });
    expect(badgeOf(0.3, 0.5, { figure: below })).toBe('≤ 0.8 J');
    expect(badgeOf(55, 2.8, { status: 'killed' })).toBe('≥ 52 J');
  });

  it('shows "so far" while the cell runs', () => {
    const running = { status: 'running', final: false } as const;
    expect(badgeOf(570, 9, { ...running, against: comparison() })).toBe(
      '570 J so far'
    );
    expect(badgeTextFor(messages, cell(null, null, running), '')).toBeNull();
  });

  it('shows a dash, not 0, without a reading', () => {
    const badge = badgeTextFor(messages, cell(null), '');
    expect(badge?.text).toBe('–');
    expect(badge?.sentence).toContain('no reading');
  });

  it('has a full sentence as tooltip', () => {
    const parts = [
      { kind: 'gpu', joules: 11.2, uncertainty: 0.3, quality: 'measured' },
      { kind: 'cpu', joules: 1.2, uncertainty: 0.5, quality: 'estimated' }
    ] as const;
    const badge = badgeTextFor(
      messages,
      cell(12.4, 0.6, {
        execution_count: 4,
        parts: [...parts],
        against: comparison()
      }),
      '“before”'
    );
    expect(plainSpaces(badge?.sentence ?? '')).toBe(
      'Cell 4: 12.4 joules, plus or minus 0.6, 38 percent below “before”. GPU measured 11.2 J, CPU estimated 1.2 J'
    );
  });
});

describe('a badge belongs to the execution whose number the cell shows', () => {
  const ended = cell(1, 0.1, { execution_count: 5, id: 'x' });
  const running = cell(1, 0.1, { execution_count: 6, status: 'running' });
  const unnumbered = cell(1, 0.1, { execution_count: null });

  it.each([
    ['the same number', ended, 5, null, false, true],
    ['another number', ended, 7, null, true, false],
    ['a cell that was loaded anew', ended, null, null, true, true],
    ['a copy of it elsewhere', ended, null, null, false, false],
    [
      'a cell that runs and has no number yet',
      running,
      null,
      null,
      false,
      true
    ],
    ['a cell that was seen running', ended, null, 'x', false, true],
    ['another one that was seen running', ended, null, 'y', false, false],
    ['a figure without a number', unnumbered, 3, null, false, true]
  ] as const)('%s', (_, known, count, watched, own, expected) => {
    expect(belongsToExecution(known, count, watched, own)).toBe(expected);
  });
});

describe('badge position', () => {
  const editor: IEditor = {
    width: 400,
    height: 60,
    margin: 8,
    padding: 4,
    charWidth: 8,
    lineHeight: 18
  };
  const size = { width: 80, height: 18 };
  const none = { width: 0, height: 0 };
  const bar = { width: 170, height: 32 };
  const line = (length: number): string => 'x'.repeat(length);
  // 400 - 5 - 80 - 5 - 8 = 302 pixels are free beside a badge in a corner: 37 characters.

  it('is at the top if the first line leaves space', () => {
    expect(badgePosition(size, editor, [line(37), line(99)], none)).toEqual({
      at: 'top',
      right: 5
    });
  });

  it('is at the bottom if only the last line leaves space', () => {
    expect(badgePosition(size, editor, [line(38), line(9)], none)?.at).toBe(
      'bottom'
    );
  });

  it('is null if both lines would be covered', () => {
    expect(
      badgePosition(size, editor, [line(38), '', line(38)], none)
    ).toBeNull();
    expect(badgePosition(size, editor, [line(38)], none)).toBeNull();
  });

  it('is left of the toolbar, or below it', () => {
    expect(badgePosition(size, editor, ['x = 1', line(38)], bar)?.right).toBe(
      175
    );
    expect(badgePosition(size, editor, [line(30), 'x'], bar)).toEqual({
      at: 'bottom',
      right: 5
    });
    const low = { ...editor, height: 28 };
    expect(badgePosition(size, low, ['x = 1'], bar)).toEqual({
      at: 'top',
      right: 175
    });
    expect(badgePosition(size, low, [line(30)], bar)).toBeNull();
  });

  it('checks two lines if the badge is higher than one', () => {
    const high = { ...size, height: 30 };
    expect(badgePosition(high, editor, ['x', line(38), 'x'], none)).toBeNull();
  });

  it('is null in an editor that is too narrow', () => {
    expect(
      badgePosition(size, { ...editor, width: 90 }, [''], none)
    ).toBeNull();
  });

  it('counts wide characters twice, tabs to the next stop, and zero-width characters as 0', () => {
    expect(columns('ab')).toBe(2);
    expect(columns('文字')).toBe(4);
    expect(columns('\tx')).toBe(5);
    expect(columns('ab\tx')).toBe(5);
    expect(columns('e\u0301\u200b')).toBe(1);
    expect(columns('😀')).toBe(2);
  });
});
