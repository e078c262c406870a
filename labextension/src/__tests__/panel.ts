/** Renders the panel to HTML. */
import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { View } from '../panel/panel';
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

export function stateAfterRun(
  cells: readonly ICell[],
  more: Partial<IState> = {}
): IState {
  return state({
    cells,
    totals: totals(figure(600, 20), { cells: cells.length }),
    ...more
  });
}

/** The rendered page; rendering calls no action of the model. */
export function renderPage(of: IState, more: Partial<ISettings> = {}): string {
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

export const renderText = (of: IState): string =>
  renderPage(of)
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
