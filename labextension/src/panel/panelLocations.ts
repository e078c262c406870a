/**
 * The panel's locations: the side bar, and on request the main area. Both are restored after a reload.
 */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { CommandIDs, type IPanelLocations } from '../commands';
import type { EnergyPanel } from './panelWidget';

const SIDE = 'jupyter-green-panel';
const MAIN = 'jupyter-green-main';

export class PanelLocations implements IPanelLocations {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _createPanel: () => EnergyPanel,
    private readonly _trans: TranslationBundle,
    readonly hasMain: boolean
  ) {
    const panel = _createPanel();
    panel.id = SIDE;
    _app.shell.add(panel, 'right', { rank: 700, type: 'Energy' });
  }

  show(): void {
    this._app.shell.activateById(SIDE);
  }

  open(): void {
    if (this._main === null || this._main.isDisposed) {
      const content = this._createPanel();
      content.title.label = this._trans.__('Energy');
      content.title.closable = true;
      this._main = new MainAreaWidget({ content });
      this._main.id = MAIN;
      void this._tracker.add(this._main);
    }
    if (!this._main.isAttached) {
      this._app.shell.add(this._main, 'main', { mode: 'split-right' });
    }
    this._app.shell.activateById(MAIN);
  }

  /** Restore both after a reload. */
  restore(restorer: ILayoutRestorer): void {
    const side = [...this._app.shell.widgets('right')].find(
      widget => widget.id === SIDE
    );
    if (side !== undefined) {
      restorer.add(side, SIDE);
    }
    void restorer.restore(this._tracker, {
      command: CommandIDs.openInMain,
      name: () => MAIN
    });
  }

  private _main: MainAreaWidget<EnergyPanel> | null = null;
  private readonly _tracker = new WidgetTracker<MainAreaWidget<EnergyPanel>>({
    namespace: MAIN
  });
}
