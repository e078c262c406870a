/**
 * The cells of the run, in notebook order or by joules, with the three largest and idle energy listed separately.
 */
import * as React from 'react';
import { h } from '../jsx';
import { unitOfColumn } from '../format/quantities';
import { Icon } from '../icons';
import { cellKey } from '../notebook/cellOrder';
import {
  topCells,
  inOrder,
  shownJoules,
  jouleOrder,
  type IJouleOrder
} from '../state/rows';
import { cellSentence } from '../format/cellSentences';
import type { ICell, ITotals } from '../tokens';
import { ExcludedEnergy } from './excludedEnergy';
import { TopCell } from './topCells';
import type { IPanelContext } from './panelContext';
import { Legend } from './legend';
import { List } from './virtualList';
import { MenuList, type IItem } from './menu';
import { Row, type IColumn } from './row';

const TOP_COUNT = 3;

export function Cells({
  context,
  totals
}: {
  context: IPanelContext;
  totals: ITotals;
}): JSX.Element {
  const { state, messages } = context;
  const { trans } = messages;
  const { cells } = state;
  const [goTo, setGoTo] = React.useState<{ key: string } | null>(null);
  const [menu, setMenu] = React.useState<ICellMenu | null>(null);
  const section = React.useRef<HTMLElement>(null);

  // Rows keep their places while figures grow; the order is recomputed when a cell ends.
  const byJoules = context.order === 'joules';
  const order = React.useRef<IJouleOrder | null>(null);
  const rows = React.useMemo(() => {
    order.current = byJoules
      ? jouleOrder(order.current, state.run, cells)
      : null;
    return order.current === null ? cells : inOrder(order.current.keys, cells);
  }, [byJoules, state.run, cells]);
  const column = React.useMemo(
    () => columnFormat(cells, totals, state.baseline !== null, messages.choice),
    [cells, totals, state.baseline, messages.choice]
  );
  const top = React.useMemo(
    () => (cells.length > TOP_COUNT ? topCells(cells, TOP_COUNT) : []),
    [cells]
  );
  const baseline = state.baseline
    ? messages.baseline(state.baseline)
    : trans.__('baseline');
  const largest = top.length > 0 ? top[0] : (topCells(cells, 1)[0] ?? null);
  const reading = largest ? messages.cellReading(largest, column.unit) : null;
  const valueLength = reading ? (reading.sign + reading.value).length : 0;

  const reveal = (cell: ICell): void => {
    const active = document.activeElement;
    context.perform(async () => {
      const revealed = await context.actions.reveal(cell);
      if (!revealed) {
        context.showMessage(
          trans.__('This cell is not in the notebook any more.')
        );
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
        { '--jg-letters': valueLength, '--jg-digits': column.digits } as object
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
          onClick={() =>
            context.choose('order', byJoules ? 'notebook' : 'joules')
          }
        >
          <Icon name="sort" />
          {trans.__('Sort by joules')}
        </button>
      </div>
      {top.length > 0 ? (
        <div className="jgp-top">
          <span
            className="jgp-muted"
            title={trans.__('The three cells with the most energy')}
          >
            {trans.__('Top three')}
          </span>
          {top.map(cell => (
            <TopCell
              key={cellKey(cell)}
              context={context}
              cell={cell}
              total={totals.figure.joules}
              onClick={() => {
                setGoTo({ key: cellKey(cell) });
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
                state.baseline
                  ? messages.baselineHead(state.baseline)
                  : baseline
              )
            : trans.__('share')}
        </span>
      </div>
      <List
        rows={rows}
        keyOf={cellKey}
        textOf={lineOf}
        labelOf={cell => cellSentence(messages, cell, baseline, column.unit)}
        classOf={cell => `jgp-is-${cell.status}`}
        render={cell => <Row cell={cell} messages={messages} column={column} />}
        onOpen={reveal}
        onMenu={(cell, at) => {
          const bounds = section.current?.getBoundingClientRect();
          setMenu({
            cell,
            left: Math.min(
              at.x - (bounds?.left ?? 0),
              (bounds?.width ?? 0) - 200
            ),
            top: at.y - (bounds?.top ?? 0),
            returnFocus: document.activeElement
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
          items={menuItems(context, menu.cell, baseline, reveal)}
          style={{ left: Math.max(0, menu.left), top: menu.top }}
          onClose={refocus => {
            setMenu(null);
            if (refocus && menu.returnFocus instanceof HTMLElement) {
              menu.returnFocus.focus({ preventScroll: true });
            }
          }}
        />
      ) : null}
      <ExcludedEnergy
        context={context}
        column={column}
        figure={totals.idle}
        name={trans.__('Idle between cells')}
        why={trans.__('Energy while no cell ran, a part of the total.')}
      />
      <ExcludedEnergy
        context={context}
        column={column}
        figure={totals.reruns}
        name={trans.__('Earlier runs of cells')}
        why={trans.__(
          'Energy of cells that were run again later in this run, a part of the total. A row shows a cell’s last run.'
        )}
      />
      <Legend
        messages={messages}
        cells={cells}
        compared={column.total === null}
      />
    </section>
  );
}

interface ICellMenu {
  cell: ICell;
  left: number;
  top: number;
  returnFocus: Element | null;
}

const lineOf = (cell: ICell): string => cell.line;

/** One unit and one bar scale for all rows. */
function columnFormat(
  cells: readonly ICell[],
  totals: ITotals,
  compared: boolean,
  choice: IPanelContext['messages']['choice']
): IColumn {
  const rows: [number | null, number | null][] = [];
  let scale = 0;
  let digits = 0;
  let against = compared || totals.against !== null;
  for (const cell of cells) {
    const joules = shownJoules(cell);
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

function menuItems(
  context: IPanelContext,
  cell: ICell,
  baseline: string,
  reveal: (cell: ICell) => void
): IItem[] {
  const { actions, perform, copy, messages } = context;
  const { trans } = messages;
  return [
    { label: trans.__('Go to the cell'), action: () => reveal(cell) },
    {
      label: trans.__('Copy as text'),
      action: () =>
        copy(`${cellSentence(messages, cell, baseline)}. ${cell.line}`)
    },
    {
      label: trans.__('Set this run as baseline'),
      action: () => perform(() => actions.setBaseline(null)),
      separated: true
    }
  ];
}
