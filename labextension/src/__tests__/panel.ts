/** The panel as a browser is given it, for the tests. */
import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { View } from '../panel/view';
import type { IActions, ICell, ISettings, IState } from '../tokens';
import { figure, state, totals, trans } from './sample';

const settings: ISettings = {
  unit: 'auto',
  order: 'notebook',
  badge: true,
  statusBar: true,
  meterAll: false,
  refreshSeconds: 1,
  quiet: false,
  region: '',
  pue: null,
  tariff: ''
};

export function ran(
  cells: readonly ICell[],
  more: Partial<IState> = {}
): IState {
  return state({
    cells,
    totals: totals(figure(600, 20), { cells: cells.length }),
    ...more
  });
}

/** The page as a browser is given it; drawing asks nothing of the model. */
export function drawn(of: IState, more: Partial<ISettings> = {}): string {
  return renderToStaticMarkup(
    React.createElement(View, {
      state: of,
      actions: {} as IActions,
      trans,
      settings: { ...settings, ...more },
      onChoose: () => Promise.resolve(),
      onLeave: () => undefined
    })
  ).replace(/\u202f/g, ' ');
}

export const text = (of: IState): string =>
  drawn(of)
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
