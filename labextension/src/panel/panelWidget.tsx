/**
 * The panel's widget: renders when the model changes, and reports its visibility.
 *
 * A hidden panel renders nothing and requests nothing, so that a kernel without viewers sends nothing.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon, ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { h } from '../jsx';
import type { Choose } from './panelContext';
import { View } from './panel';
import type { IEnergyModel, ISettings } from '../tokens';

export const panelIcon = new LabIcon({
  name: 'jupyter-green:panel',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 14 14">' +
    '<path class="jp-icon3" stroke="#616161" fill="none" stroke-width="1.3" stroke-linecap="round" ' +
    'stroke-linejoin="round" d="M8 1.5L3 8h3.5L6 12.5 11 6H7.5z"/></svg>'
});

export interface IPanelOptions {
  /** Stores a setting chosen in the panel; without it, or if it fails, the choice lasts as long as the panel. */
  choose?: Choose;
  /** Moves the focus to the notebook; without it focus returns to where it came from. */
  leave?: () => void;
}

export class EnergyPanel extends ReactWidget {
  constructor(
    private readonly _model: IEnergyModel,
    private readonly _trans: TranslationBundle,
    private readonly _settings: () => ISettings,
    private readonly _options: IPanelOptions = {}
  ) {
    super();
    count += 1;
    this._viewer = count === 1 ? 'panel' : `panel ${count}`;
    this.addClass('jp-GreenPanel');
    this.addClass('jgp-root');
    this.node.dataset.testid = 'green-panel';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _trans.__('Energy'));
    this.title.caption = _trans.__('Energy of the notebook');
    this.title.icon = panelIcon;
    this.node.addEventListener('focusin', this._onFocusIn);
    _model.changed.connect(this._onChanged, this);
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._model.changed.disconnect(this._onChanged, this);
    this.node.removeEventListener('focusin', this._onFocusIn);
    this._show(false);
    super.dispose();
  }

  protected override render(): JSX.Element {
    return (
      <View
        state={this._model.state}
        actions={this._model}
        trans={this._trans}
        settings={{ ...this._settings(), ...this._chosen }}
        onChoose={this._onChoose}
        onLeave={this._onLeave}
      />
    );
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._show(this.isVisible);
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._show(true);
    this.update();
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this._show(false);
  }

  protected override onBeforeDetach(msg: Message): void {
    this._show(false);
    super.onBeforeDetach(msg);
  }

  protected override onActivateRequest(_msg: Message): void {
    const tabStop = (role: string): HTMLElement | null =>
      this.node.querySelector(`[role=${role}][tabindex="0"]`);
    (tabStop('option') ?? tabStop('tab'))?.focus({ preventScroll: true });
  }

  private _show(visible: boolean): void {
    if (visible !== this._shown) {
      this._shown = visible;
      this._model.show(this._viewer, visible ? 'all' : 'nothing');
    }
  }

  private _onChanged(): void {
    if (this._shown) {
      // The model already limits itself to one signal per frame, so render without waiting for the next one.
      this.onUpdateRequest(Widget.Msg.UpdateRequest);
    }
  }

  private readonly _onChoose: Choose = async (key, value) => {
    // Applied at once; the stored setting replaces it afterwards.
    const chosen = { ...this._chosen, [key]: value };
    this._chosen = chosen;
    this.update();
    if (this._options.choose) {
      await this._options.choose(key, value);
      if (this._chosen === chosen) {
        this._chosen = {};
        this.update();
      }
    }
  };

  private readonly _onLeave = (): void => {
    if (this._options.leave) {
      this._options.leave();
    } else if (this._cameFrom?.isConnected) {
      this._cameFrom.focus();
    }
  };

  private readonly _onFocusIn = (event: FocusEvent): void => {
    const previous = event.relatedTarget;
    if (previous instanceof HTMLElement && !this.node.contains(previous)) {
      this._cameFrom = previous;
    }
  };

  private readonly _viewer: string;
  private _shown = false;
  private _chosen: Partial<Pick<ISettings, 'unit' | 'order'>> = {};
  private _cameFrom: HTMLElement | null = null;
}

let count = 0;
