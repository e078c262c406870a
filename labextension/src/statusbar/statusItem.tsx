/**
 * The button in the status bar: live watts and the current notebook's total; it opens the panel.
 *
 * Visible while there is something to show and the setting is on. Applications without a status bar, such as Notebook
 * 7, don't create it.
 */
import type { IStatusBar } from '@jupyterlab/statusbar';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { ISignal, Signal } from '@lumino/signaling';
import { h } from '../jsx';

import { Icon } from '../icons';
import { statusText, type IStatusText } from './statusText';
import type { Preferences } from '../state/settings';
import type { IEnergyModel } from '../tokens';
import { Messages } from '../format/messages';

export class StatusItem extends ReactWidget {
  constructor(
    private readonly _model: IEnergyModel,
    private readonly _trans: TranslationBundle,
    private readonly _preferences: Preferences,
    private readonly _open: () => void
  ) {
    super();
    this.addClass('jgp-root');
    this.addClass('jgp-statusplace');
    _model.changed.connect(this._refresh, this);
    _preferences.changed.connect(this._refresh, this);
    this._refresh();
  }

  /** Options for registering it. */
  get options(): IStatusBar.IItem {
    return {
      item: this,
      align: 'left',
      rank: 4,
      isActive: () => this._shown !== null,
      activeStateChanged: this.activeStateChanged
    };
  }

  get activeStateChanged(): ISignal<this, void> {
    return this._activeStateChanged;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._model.show('status bar', 'nothing');
      super.dispose();
    }
  }

  protected override render(): JSX.Element | null {
    const shown = this._shown;
    return shown === null ? null : (
      <button
        type="button"
        data-testid="green-status"
        title={shown.sentence}
        aria-label={shown.sentence}
        onClick={this._open}
      >
        <Icon name="bolt" />
        {shown.watts === '' ? null : <span>{shown.watts}</span>}
        <span>{shown.total}</span>
      </button>
    );
  }

  private _refresh(): void {
    const { statusBar, unit } = this._preferences.current;
    const { state } = this._model;
    this._model.show(
      'status bar',
      statusBar && state.notebook !== null ? 'live' : 'nothing'
    );
    const previous = this._shown;
    this._shown = statusBar
      ? statusText(new Messages(this._trans, unit), state)
      : null;
    if (
      previous?.sentence !== this._shown?.sentence ||
      previous?.total !== this._shown?.total
    ) {
      this.update();
    }
    if ((previous === null) !== (this._shown === null)) {
      this._activeStateChanged.emit();
    }
  }

  private _shown: IStatusText | null = null;
  private readonly _activeStateChanged = new Signal<this, void>(this);
}
