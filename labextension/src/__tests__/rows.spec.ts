import { cellKey } from '../notebook/cellOrder';
import {
  ROW_HEIGHT,
  sortedByJoules,
  topCells,
  visibleRange,
  inOrder,
  rowForKey,
  newestFinal,
  scrollTopFor,
  shownJoules,
  jouleOrder,
  rowForTyping
} from '../state/rows';
import { cell, figure } from './sample';

const joules = (cells: { figure: { joules: number | null } }[]): unknown =>
  cells.map(each => each.figure.joules);

describe('order', () => {
  it('has the largest first, equal ones in notebook order, missing ones last', () => {
    const first = cell(5);
    const second = cell(5);
    const sorted = sortedByJoules([
      cell(null),
      first,
      cell(900),
      second,
      cell(0)
    ]);
    expect(joules(sorted)).toEqual([900, 5, 5, 0, null]);
    expect(sorted[1]).toBe(first);
    expect(sorted[2]).toBe(second);
  });

  it('has upper bounds after known values and before missing ones', () => {
    const bound = (most: number) =>
      cell(0, most, { figure: figure(0, most, { below_resolution: true }) });
    const cells = [bound(2), cell(null), bound(110), cell(0), cell(40)];
    expect(sortedByJoules(cells)).toEqual([4, 3, 2, 0, 1].map(at => cells[at]));
  });

  it('does not change its input', () => {
    const cells = [cell(1), cell(2)];
    sortedByJoules(cells);
    expect(joules(cells)).toEqual([1, 2]);
  });

  it('uses own joules where a device is shared', () => {
    const shared = cell(96, 2, { shared: true, own_joules: 51 });
    expect(shownJoules(shared)).toBe(51);
    expect(joules(sortedByJoules([shared, cell(60)]))).toEqual([60, 96]);
  });

  it('uses the total where the own share is not known', () => {
    expect(shownJoules(cell(96, 2, { shared: true, own_joules: null }))).toBe(
      96
    );
  });

  it('keeps positions while figures grow; removed cells go, new ones come last', () => {
    const [a, b, c] = [cell(3), cell(2), cell(1)];
    const grown = { ...b, figure: { ...b.figure, joules: 99 } };
    expect(inOrder([cellKey(a), cellKey(b), 'gone'], [c, grown, a])).toEqual([
      a,
      grown,
      c
    ]);
  });
});

describe('an order by joules', () => {
  const small = cell(30, 1, { started_at: 200, seconds: 9 });
  const open = cell(10, null, { started_at: 100, seconds: 1, final: false });
  const grown = { ...open, figure: figure(60, 1) };
  const before = jouleOrder(null, 'r', [small, open]);

  it('is kept while figures grow, cells begin and cells go', () => {
    const begun = cell(99, null, { status: 'running', final: false });
    expect(jouleOrder(before, 'r', [small, grown, begun])).toBe(before);
    expect(jouleOrder(before, 'r', [grown])).toBe(before);
  });

  it('is recomputed when a cell becomes final after one that ended later', () => {
    const final = { ...grown, final: true };
    expect(jouleOrder(before, 'r', [small, final]).keys).toEqual(
      [final, small].map(cellKey)
    );
  });

  it('is recomputed for any clock, and when a final figure changes', () => {
    const early = cell(40, 1, { started_at: 3 });
    expect(jouleOrder(before, 'r', [small, open, early]).keys).toEqual(
      [early, small, open].map(cellKey)
    );
    const less = { ...small, figure: figure(5, 1) };
    expect(jouleOrder(before, 'r', [less, open]).keys).toEqual(
      [open, less].map(cellKey)
    );
  });

  it('belongs to one run', () => {
    const other = cell(9, null, { status: 'running', final: false });
    expect(jouleOrder(before, 's', [other]).keys).toEqual([cellKey(other)]);
  });
});

describe('the top cells', () => {
  it('leave out upper bounds', () => {
    const bound = cell(50, 60, {
      figure: figure(50, 60, { below_resolution: true })
    });
    expect(joules(topCells([bound, cell(40, 1)], 3))).toEqual([40]);
  });

  it('are the three largest, in descending order', () => {
    const cells = [1, 40, 7, 100, 3, 40].map(each => cell(each));
    expect(joules(topCells(cells, 3))).toEqual([100, 40, 40]);
  });

  it('leave out cells with 0 J or without a reading', () => {
    expect(topCells([cell(0), cell(null)], 3)).toEqual([]);
  });
});

describe('the newest final cell', () => {
  it('is the one that ended last, without running and provisional ones', () => {
    const long = cell(1, null, { started_at: 1, seconds: 50 });
    const late = cell(1, null, { started_at: 10, seconds: 1 });
    const open = cell(1, null, { started_at: 99, final: false });
    const running = cell(1, null, { started_at: 99, status: 'running' });
    expect(newestFinal([long, late, open, running])).toBe(long);
    expect(newestFinal([running])).toBeNull();
  });
});

describe('the visible range of ten thousand rows', () => {
  const count = 10000;
  it.each([0, 35, 36, 12345, 180000, count * ROW_HEIGHT - 500, 1e9, -50])(
    'at %p',
    top => {
      const height = 500;
      const { first, end } = visibleRange(top, height, count);
      const seen = Math.max(0, Math.min(top, count * ROW_HEIGHT - height));
      expect(first * ROW_HEIGHT).toBeLessThanOrEqual(seen);
      expect(end * ROW_HEIGHT).toBeGreaterThanOrEqual(seen + height);
      expect(end - first).toBeLessThan(40);
      expect(first).toBeGreaterThanOrEqual(0);
      expect(end).toBeLessThanOrEqual(count);
    }
  );

  it('is empty without rows', () => {
    expect(visibleRange(0, 500, 0)).toEqual({ first: 0, end: 0 });
  });

  it('scrolls the shortest distance', () => {
    expect(scrollTopFor(10, 0, 360)).toBe(36);
    expect(scrollTopFor(3, 200, 360)).toBe(108);
    expect(scrollTopFor(8, 200, 360)).toBe(200);
  });
});

describe('keys', () => {
  it.each([
    ['ArrowDown', 4, 5],
    ['ArrowUp', 0, 0],
    ['ArrowDown', 99, 99],
    ['PageDown', 4, 13],
    ['PageUp', 4, 0],
    ['Home', 50, 0],
    ['End', 50, 99],
    ['a', 50, null],
    ['constructor', 50, null]
  ])('%s from %p', (key, from, to) => {
    expect(rowForKey(key, from, 100, 10 * ROW_HEIGHT)).toBe(to);
  });

  it('do nothing in an empty list', () => {
    expect(rowForKey('End', 0, 0, 360)).toBeNull();
  });
});

describe('typing', () => {
  const lines = [
    'import torch',
    'model = load()',
    'x = model(y)',
    'Model.fit()'
  ];
  const find = (typed: string, from: number): number | null =>
    rowForTyping(typed, from, lines.length, index => lines[index]);

  it('finds a prefix before a substring', () => {
    expect(find('model', 2)).toBe(3);
    expect(find('x', 0)).toBe(2);
    expect(find('torch', 3)).toBe(0);
  });

  it('cycles through matches of a repeated letter', () => {
    expect(find('m', 1)).toBe(3);
    expect(find('m', 3)).toBe(1);
  });

  it('stays while a word is continued', () => {
    expect(find('mo', 1)).toBe(1);
  });

  it('finds nothing in an empty list', () => {
    expect(find('zz', 0)).toBeNull();
  });
});
