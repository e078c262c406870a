import { CurrentCells } from '../notebook/currentCells';
import { Run } from '../state/kernelRun';
import type { IHistory } from '../tokens';
import { history } from './frames';
import { renderPage, renderText, stateAfterRun } from './panel';
import { cell, figure, totals } from './sample';

const CELLS = 5000;
const PER_PAGE = 200;

describe('a run of thousands of cells', () => {
  const cells = Array.from({ length: CELLS }, (_, at) =>
    cell(at + 1, 0.1, { cell_id: `n${at}`, line: `work(${at})` })
  );
  const pages = Array.from({ length: CELLS / PER_PAGE }, (_, page): IHistory =>
    history({
      cells: cells.slice(page * PER_PAGE, (page + 1) * PER_PAGE),
      page,
      pages: CELLS / PER_PAGE
    })
  );
  const ids = cells.map(each => each.cell_id ?? '');

  it('comes in pages, in any order, and has each cell once in notebook order', () => {
    const run = new Run();
    const current = new CurrentCells();
    current.list(run, () => ids);
    for (const page of [...pages].reverse()) {
      current.update(run, run.applyHistory(page).keys);
    }
    const listed = current.list(run, () => ids);
    expect(listed.map(each => each.cell_id)).toEqual(ids);
    const again = { ...cells[4321], id: 'again', reruns: 1 };
    const { keys } = run.applyHistory(history({ cells: [again] }));
    current.update(run, keys);
    const after = current.list(run, () => ids);
    expect(after).toHaveLength(CELLS);
    expect(after[4321].id).toBe('again');
    expect(listed[4321].id).not.toBe('again');
  });

  it('draws only the rows in sight, and says how many there are', () => {
    jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const html = renderPage(stateAfterRun(cells));
    const rows = html.match(/data-testid="green-cell-row"/g) ?? [];
    expect(rows.length).toBeGreaterThan(5);
    expect(rows.length).toBeLessThan(60);
    expect(html).toContain(`aria-setsize="${CELLS}"`);
    expect(html).toContain('5,000');
  });
});

describe('a run that goes on for days', () => {
  it('says on which day it began', () => {
    jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const began = (daysAgo: number): string => {
      const date = new Date();
      date.setDate(date.getDate() - daysAgo);
      date.setHours(0, 0, 30, 0);
      const began_at = date.getTime() / 1000;
      return renderText(
        stateAfterRun([cell(1)], { totals: totals(figure(1), { began_at }) })
      );
    };
    expect(began(0)).toContain('since 00:00');
    expect(began(1)).toContain('since yesterday 00:00');
  });
});
