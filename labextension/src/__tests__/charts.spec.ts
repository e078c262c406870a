import { powerSeries, peakPower } from '../charts/powerSeries';
import { areaPath, linePath, splitAtGaps } from '../charts/path';
import { linear, ticks } from '../charts/scale';
import { cut, stack } from '../charts/stack';
import type { IPart, IPowerPoint, Quality } from '../tokens';
import { cell, figure } from './sample';

const part = (
  kind: IPart['kind'],
  joules: number | null,
  quality: Quality = 'measured'
): IPart => ({ kind, joules, uncertainty: null, quality });

describe('scales', () => {
  it('are linear, also with a reversed range', () => {
    const y = linear([0, 50], [100, 0]);
    expect([y(0), y(25), y(50)]).toEqual([100, 50, 0]);
  });

  it('do not divide by 0', () => {
    expect(linear([3, 3], [0, 10])(3)).toBe(0);
  });

  it.each([
    [6.7, [0, 2, 4, 6]],
    [1, [0, 0.5, 1]],
    [0.35, [0, 0.1, 0.2, 0.3]],
    [4200, [0, 2000, 4000]],
    [0, [0]],
    [NaN, [0]]
  ])('ticks up to %p', (largest, expected) => {
    expect(ticks(largest)).toEqual(expected);
  });
});

describe('lines', () => {
  const same = (value: number): number => value;

  it('have gaps where a reading is missing, never a 0', () => {
    const points = [1, 2, null, 4].map((y, x) => ({ x, y }));
    expect(splitAtGaps(points)).toEqual([
      [
        { x: 0, y: 1 },
        { x: 1, y: 2 }
      ],
      [{ x: 3, y: 4 }]
    ]);
  });

  it('have gaps after a long silence, or where time ran backwards', () => {
    const at = [0, 1, 5, 6, 2].map(x => ({ x, y: 1 }));
    expect(splitAtGaps(at, 2.5).map(each => each.length)).toEqual([2, 2, 1]);
  });

  it('are SVG paths', () => {
    const two = [
      { x: 0, y: 10 },
      { x: 4.26, y: 20 }
    ];
    expect(linePath(two, same, same)).toBe('M0,10L4.3,20');
    expect(linePath(two.slice(0, 1), same, same)).toBe('M0,10h1');
    expect(areaPath(two, same, same, 50)).toBe('M0,10L4.3,20L4.3,50L0,50Z');
  });
});

describe('the power series', () => {
  const power: IPowerPoint[] = [
    { at: 0, watts: 90, cell: 'old' },
    { at: 50, watts: 20, cell: 'a' },
    { at: 51, watts: null, cell: 'a' },
    { at: 52, watts: 31, cell: 'a' },
    { at: 60, watts: 4, cell: null },
    { at: 70, watts: 24, cell: 'b' }
  ];

  it('is the last minute by the kernel’s clock', () => {
    const seen = powerSeries(power);
    expect([seen?.from, seen?.to]).toEqual([10, 70]);
    expect(seen?.peak).toBe(31);
    expect(seen?.idle).toBe(4);
  });

  it('has the spans of cells', () => {
    expect(powerSeries(power)?.spans).toEqual([
      { cell: 'a', from: 50, to: 52 },
      { cell: 'b', from: 70, to: 70 }
    ]);
  });

  it('has no idle power without a reading', () => {
    expect(powerSeries(power.slice(0, 4))?.idle).toBeNull();
    expect(powerSeries([{ at: 1, watts: null, cell: 'a' }])?.peak).toBeNull();
    expect(powerSeries([])).toBeNull();
  });
});

describe('the peak power', () => {
  it('is at least the mean power of a cell between two points', () => {
    const seen = powerSeries([
      { at: 100, watts: 0.36, cell: 'a' },
      { at: 101, watts: null, cell: null }
    ]);
    if (seen === null) {
      throw new Error('there are points');
    }
    const short = cell(7, 1, { started_at: 100.2, seconds: 0.3 });
    expect(peakPower(seen, [short])).toBeCloseTo(7 / 0.3);
    expect(peakPower(seen, [])).toBe(0.36);
    const earlier = { ...short, started_at: 10 };
    const below = {
      ...short,
      figure: { ...short.figure, below_resolution: true }
    };
    expect(peakPower(seen, [earlier, below])).toBe(0.36);
  });
});

describe('stacks', () => {
  it('have a fixed order of devices, without missing ones', () => {
    const parts = [
      part('dram', 10, 'estimated'),
      part('cpu', null),
      part('gpu', 90)
    ];
    expect(stack(100, figure(100), parts, 200)).toEqual([
      { kind: 'gpu', quality: 'measured', share: 0.45 },
      { kind: 'dram', quality: 'estimated', share: 0.05 }
    ]);
  });

  it('never show an attributed share as measured', () => {
    const drawn = stack(51, figure(96), [part('gpu', 96)], 102);
    expect(drawn).toEqual([{ kind: 'gpu', quality: 'estimated', share: 0.5 }]);
  });

  it('keep simulated parts simulated', () => {
    const whole = figure(96, 1, { quality: 'simulated' });
    const drawn = stack(51, whole, [part('gpu', 96, 'simulated')], 102);
    expect(drawn[0].quality).toBe('simulated');
    expect(stack(96, whole, [], 96)[0].quality).toBe('simulated');
  });

  it('are empty for 0, missing or invalid figures', () => {
    for (const joules of [null, 0, -5, NaN, Infinity]) {
      expect(stack(joules, figure(joules), [part('gpu', 9)], 10)).toEqual([]);
    }
    expect(stack(5, figure(5), [part('gpu', 5)], 0)).toEqual([]);
  });

  it('are cut at the baseline; the rest is excess', () => {
    const segments = stack(
      80,
      figure(80),
      [part('gpu', 60), part('cpu', 20, 'estimated')],
      100
    );
    expect(cut(segments, 0.5)).toEqual([
      { kind: 'gpu', quality: 'measured', share: 0.5 },
      {
        kind: 'over',
        quality: 'measured',
        share: expect.closeTo(0.3) as number
      }
    ]);
    expect(cut(segments, 0.9)).toEqual(segments);
  });
});
