import { CellOrder, cellKey } from '../notebook/cellOrder';
import { PowerHistory } from '../state/powerHistory';
import { Run } from '../state/kernelRun';
import type { ICell } from '../tokens';
import { history, snapshot } from './frames';
import { cell } from './sample';

function ids(cells: readonly ICell[]): (string | null)[] {
  return cells.map(each => each.cell_id);
}

describe('the order of cells', () => {
  it('is that of the notebook; removed cells come last, in execution order', () => {
    const order = new CellOrder();
    order.arrange(['a', 'b', 'c']);
    for (const [name, at] of [
      ['gone2', 9],
      ['c', 1],
      ['gone1', 8],
      ['a', 2]
    ] as const) {
      order.put(cell(1, null, { cell_id: name, started_at: at }));
    }
    expect(ids(order.list())).toEqual(['a', 'c', 'gone1', 'gone2']);
    order.arrange(['gone2', 'c', 'a']);
    expect(ids(order.list())).toEqual(['gone2', 'c', 'a', 'gone1']);
  });

  it('equals a full sort after each change', () => {
    // A seeded generator, so that failures are reproducible.
    let seed = 7;
    const draw = (below: number): number => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    const names = Array.from({ length: 40 }, (_, index) => `c${index}`);
    const order = new CellOrder();
    const inNotebook = names.slice(0, 30);
    order.arrange(inNotebook);
    const kept = new Map<string, ICell>();
    for (let step = 0; step < 2000; step++) {
      const name = names[draw(names.length)];
      if (draw(10) === 0) {
        order.remove(name);
        kept.delete(name);
      } else {
        const next = cell(1, null, { cell_id: name, started_at: draw(50) });
        order.put(next);
        kept.set(name, next);
      }
      const fresh = new CellOrder();
      fresh.arrange(inNotebook);
      kept.forEach(each => fresh.put(each));
      expect(order.list()).toEqual(fresh.list());
    }
  });

  it('does not change a list that was returned', () => {
    const order = new CellOrder();
    order.arrange(['a', 'b']);
    order.put(cell(1, null, { cell_id: 'b' }));
    const before = order.list();
    order.put(cell(2, null, { cell_id: 'a' }));
    expect(ids(before)).toEqual(['b']);
    expect(ids(order.list())).toEqual(['a', 'b']);
    expect(order.list()).toBe(order.list());
  });
});

describe('the power series', () => {
  it('keeps only the newest points', () => {
    const power = new PowerHistory(3);
    for (let at = 1; at <= 5; at++) {
      power.add({ at, watts: at, cell: null });
    }
    expect(power.points.map(point => point.at)).toEqual([3, 4, 5]);
  });

  it('marks a gap once, and ignores repeated times', () => {
    const power = new PowerHistory();
    for (const [at, watts] of [
      [1, 5],
      [1, 6],
      [2, null],
      [3, null],
      [4, 7]
    ] as const) {
      power.add({ at, watts, cell: null });
    }
    expect(power.points.map(point => point.watts)).toEqual([5, null, 7]);
  });

  it('starts anew where the clock was set back', () => {
    const power = new PowerHistory();
    power.add({ at: 5000, watts: 1, cell: null });
    power.add({ at: 1400, watts: 2, cell: null });
    expect(power.points.map(point => point.at)).toEqual([1400]);
  });
});

describe('a run', () => {
  it('shows the running execution, then its result', () => {
    const run = new Run();
    const first = cell(5, 1, { cell_id: 'a', started_at: 1 });
    run.applySnapshot(snapshot({ cells: [first] }), 0);
    const again = cell(1, null, {
      cell_id: 'a',
      status: 'running',
      started_at: 2
    });
    expect(run.applySnapshot(snapshot({ running: again }), 1)).toMatchObject({
      keys: ['a'],
      urgent: true
    });
    expect(run.row('a')).toEqual(again);
    expect(
      run.applySnapshot(snapshot({ running: { ...again, seconds: 1 } }), 2)
        .urgent
    ).toBe(false);
    const done = { ...again, status: 'ok' as const };
    run.applySnapshot(snapshot({ phase: 'idle', cells: [done] }), 3);
    expect(run.row('a')).toEqual(done);
    expect([...run.keys()]).toEqual(['a']);
  });

  it('accepts the same snapshot twice and ignores an older one', () => {
    const run = new Run();
    const older = snapshot({ watts: 1 });
    const newer = snapshot({ watts: 2, cells: [cell(5, 1, { cell_id: 'a' })] });
    run.applySnapshot(newer, 0);
    run.applySnapshot(newer, 1);
    expect(run.applySnapshot(older, 2)).toEqual({
      keys: [],
      isNewRun: false,
      urgent: false
    });
    expect(run.snapshot?.watts).toBe(2);
    expect([...run.keys()]).toEqual(['a']);
    expect(run.power.points).toHaveLength(1);
  });

  it('does not let an earlier execution replace a later one', () => {
    const run = new Run();
    const later = cell(5, 1, { cell_id: 'a', started_at: 9, reruns: 1 });
    run.applySnapshot(snapshot({ cells: [later] }), 0);
    run.applyHistory(
      history({ cells: [cell(2, 1, { cell_id: 'a', started_at: 3 })] })
    );
    expect(run.row('a')).toEqual(later);
  });

  it('recognizes the later execution even if the clock was set back', () => {
    const run = new Run();
    const first = cell(5, 1, { cell_id: 'a', started_at: 100 });
    run.applySnapshot(snapshot({ seq: 1, cells: [first] }), 1);
    // The clock was set back by a minute between the two.
    const again = cell(7, 1, { cell_id: 'a', started_at: 40, reruns: 1 });
    const change = run.applySnapshot(snapshot({ seq: 2, cells: [again] }), 2);
    expect(run.row('a')).toBe(again);
    expect(change.urgent).toBe(true);
  });

  it('is empty in another run, and ignores the previous one', () => {
    const run = new Run();
    run.applySnapshot(snapshot({ run: 'one', cells: [cell(5, 1)] }), 0);
    const next = cell(1, 1, { run: 'two' });
    const change = run.applySnapshot(
      snapshot({ run: 'two', seq: 1, cells: [next] }),
      1
    );
    expect(change.isNewRun).toBe(true);
    expect([...run.keys()]).toEqual([cellKey(next)]);
    run.applySnapshot(snapshot({ run: 'one', cells: [cell(7, 1)] }), 2);
    run.applyHistory(history({ run: 'one', cells: [cell(7, 1)] }));
    expect([...run.keys()]).toEqual([cellKey(next)]);
    expect(run.snapshot?.run).toBe('two');
  });

  it('is empty after a restart, and ignores late frames', () => {
    const run = new Run();
    run.applySnapshot(snapshot({ run: 'one', cells: [cell(5, 1)] }), 0);
    run.clear();
    run.applySnapshot(snapshot({ run: 'one', cells: [cell(5, 1)] }), 1);
    expect(run.snapshot).toBeNull();
    expect([...run.keys()]).toEqual([]);
    expect(run.power.points).toEqual([]);
  });

  it('has a row for a cell that runs for the first time, and for one without a cell id', () => {
    const run = new Run();
    const lone = cell(1, 1, { cell_id: null, id: 'x9' });
    const running = cell(1, null, { cell_id: 'b', status: 'running' });
    run.applySnapshot(snapshot({ cells: [lone], running }), 0);
    expect([...run.keys()]).toEqual(['#x9', 'b']);
    expect(run.row('#x9')).toEqual(lone);
  });
});
