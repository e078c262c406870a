/**
 * The cells of the run: in the order of the notebook, or by joules; the three dearest named; idle energy apart.
 */
import * as React from 'react';
import { h } from '../element';
import { unitOfColumn } from '../format/quantities';
import { Icon } from '../icons';
import { keyOf } from '../notebook/cellOrder';
import { dearest, kept, shown, sorted, type ISorted } from '../state/rows';
import { sentence } from '../format/cellSentences';
import type { ICell, ITotals } from '../tokens';
import { Apart } from './excludedEnergy';
import { Dearest } from './topCells';
import type { IDesk } from './panelContext';
import { Legend } from './legend';
import { List } from './list';
import { MenuList, type IItem } from './menu';
import { Row, type IColumn } from './row';

const TOP = 3;

export function Cells({
  desk,
  totals
}: {
  desk: IDesk;
  totals: ITotals;
}): JSX.Element {
  const { state, words } = desk;
  const { trans } = words;
  const { cells } = state;
  const [goTo, setGoTo] = React.useState<{ key: string } | null>(null);
  const [menu, setMenu] = React.useState<IMenu | null>(null);
  const section = React.useRef<HTMLElement>(null);

  // While figures grow rows keep their places under the pointer; a cell that ends sorts them anew.
  const byJoules = desk.order === 'joules';
  const before = React.useRef<ISorted | null>(null);
  const rows = React.useMemo(() => {
    before.current = byJoules ? sorted(before.current, state.run, cells) : null;
    return before.current === null ? cells : kept(before.current.keys, cells);
  }, [byJoules, state.run, cells]);
  const column = React.useMemo(
    () => columnOf(cells, totals, state.baseline !== null, words.choice),
    [cells, totals, state.baseline, words.choice]
  );
  const top = React.useMemo(
    () => (cells.length > TOP ? dearest(cells, TOP) : []),
    [cells]
  );
  const baseline = state.baseline
    ? words.baseline(state.baseline)
    : trans.__('baseline');
  const widest = top.length > 0 ? top[0] : (dearest(cells, 1)[0] ?? null);
  const reading = widest ? words.ofCell(widest, column.unit) : null;
  const letters = reading ? (reading.sign + reading.value).length : 0;

  const reveal = (cell: ICell): void => {
    const active = document.activeElement;
    desk.ask(async () => {
      const found = await desk.actions.reveal(cell);
      if (!found) {
        desk.say(trans.__('This cell is not in the notebook any more.'));
      }
      if (active instanceof HTMLElement && active.isConnected) {
        active.focus({ preventScroll: true });
      }
    });
  };
  return (
    <section
      ref={section}
      className="jgp-sec jgp-cells"
      aria-label={trans.__('Cells')}
      style={
        { '--jg-letters': letters, '--jg-digits': column.digits } as object
      }
    >
      <div className="jgp-lr">
        <h3>
          {trans.__('Cells')}{' '}
          <span className="jgp-muted">{cells.length.toLocaleString('en')}</span>
        </h3>
        <button
          type="button"
          className="jgp-tb"
          aria-pressed={byJoules}
          title={trans.__('Sort by joules, largest first')}
          onClick={() => desk.choose('order', byJoules ? 'notebook' : 'joules')}
        >
          <Icon name="sort" />
          {trans.__('Sort by joules')}
        </button>
      </div>
      {top.length > 0 ? (
        <div className="jgp-top">
          <span
            className="jgp-muted"
            title={trans.__('The three dearest cells')}
          >
            {trans.__('Top three')}
          </span>
          {top.map(cell => (
            <Dearest
              key={keyOf(cell)}
              desk={desk}
              cell={cell}
              total={totals.figure.joules}
              onClick={() => {
                setGoTo({ key: keyOf(cell) });
                reveal(cell);
              }}
            />
          ))}
        </div>
      ) : null}
      <div className="jgp-row jgp-th" aria-hidden="true">
        <span />
        <span className="jgp-src">
          <span>
            {totals.figure.quality === 'simulated'
              ? trans.__('simulated figures')
              : ''}
          </span>
        </span>
        <span className="jgp-j">{column.unit.symbol}</span>
        <span className="jgp-d" title={baseline}>
          {column.total === null
            ? trans.__(
                'vs %1',
                state.baseline ? words.baselineHead(state.baseline) : baseline
              )
            : trans.__('share')}
        </span>
      </div>
      <List
        rows={rows}
        keyOf={keyOf}
        textOf={lineOf}
        labelOf={cell => sentence(words, cell, baseline, column.unit)}
        classOf={cell => `jgp-is-${cell.status}`}
        render={cell => <Row cell={cell} words={words} column={column} />}
        onOpen={reveal}
        onMenu={(cell, at) => {
          const box = section.current?.getBoundingClientRect();
          setMenu({
            cell,
            left: Math.min(at.x - (box?.left ?? 0), (box?.width ?? 0) - 200),
            top: at.y - (box?.top ?? 0),
            back: document.activeElement
          });
        }}
        label={
          byJoules
            ? trans.__('Cells by joules, largest first')
            : trans.__('Cells in notebook order')
        }
        testid="green-cell-row"
        leastRows={5}
        goTo={goTo}
      />
      {menu ? (
        <MenuList
          label={trans.__('What to do with this cell')}
          items={items(desk, menu.cell, baseline, reveal)}
          style={{ left: Math.max(0, menu.left), top: menu.top }}
          onClose={refocus => {
            setMenu(null);
            if (refocus && menu.back instanceof HTMLElement) {
              menu.back.focus({ preventScroll: true });
            }
          }}
        />
      ) : null}
      <Apart
        desk={desk}
        column={column}
        figure={totals.idle}
        name={trans.__('Idle between cells')}
        why={trans.__('Energy while no cell ran, a part of the total.')}
      />
      <Apart
        desk={desk}
        column={column}
        figure={totals.reruns}
        name={trans.__('Earlier runs of cells')}
        why={trans.__(
          'Energy of cells that were run again later in this run, a part of the total. A row shows a cell’s last run.'
        )}
      />
      <Legend words={words} cells={cells} compared={column.total === null} />
    </section>
  );
}

interface IMenu {
  cell: ICell;
  left: number;
  top: number;
  back: Element | null;
}

const lineOf = (cell: ICell): string => cell.line;

/** One unit and one scale for all rows. */
function columnOf(
  cells: readonly ICell[],
  totals: ITotals,
  compared: boolean,
  choice: IDesk['words']['choice']
): IColumn {
  const rows: [number | null, number | null][] = [];
  let scale = 0;
  let digits = 0;
  let against = compared || totals.against !== null;
  for (const cell of cells) {
    const joules = shown(cell);
    rows.push([joules, cell.figure.uncertainty]);
    scale = Math.max(scale, joules ?? 0, cell.against?.baseline ?? 0);
    against = against || cell.against !== null;
    digits = Math.max(digits, String(cell.execution_count ?? '').length);
  }
  return {
    unit: unitOfColumn(rows, choice),
    digits,
    scale: scale > 0 && Number.isFinite(scale) ? scale : 1,
    total: against ? null : (totals.figure.joules ?? 0)
  };
}

function items(
  desk: IDesk,
  cell: ICell,
  baseline: string,
  reveal: (cell: ICell) => void
): IItem[] {
  const { actions, ask, copy, words } = desk;
  const { trans } = words;
  return [
    { label: trans.__('Go to the cell'), action: () => reveal(cell) },
    {
      label: trans.__('Copy as text'),
      action: () => copy(`${sentence(words, cell, baseline)}. ${cell.line}`)
    },
    {
      label: trans.__('Set this run as baseline'),
      action: () => ask(() => actions.setBaseline(null)),
      apart: true
    }
  ];
}
