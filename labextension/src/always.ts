/**
 * Meters every Python notebook, where a person wants that and has agreed to it once.
 *
 * The setting may come from an administrator's file; what runs in a person's kernels is the person's to decide, so the
 * setting alone loads nothing. Each kernel is tried once: one that lacks the package is not asked again.
 */
import type { IKnown, Kernels } from './kernels';
import type { EnergyModel } from './model';
import type { Preferences } from './settings';

export class EveryNotebook {
  /**
   * @param _ask - Asks the person; true where they agree.
   */
  constructor(
    private readonly _model: EnergyModel,
    kernels: Kernels,
    private readonly _preferences: Preferences,
    private readonly _ask: () => Promise<boolean>
  ) {
    kernels.news.connect((_, { known }) => this._look(known));
    _preferences.changed.connect(() => kernels.all.forEach(this._look, this));
  }

  private _look(known: IKnown): void {
    const { meterAll, meterAllConsent } = this._preferences.current;
    if (!meterAll || known.tried || known.link.metered !== false) {
      return;
    }
    if (meterAllConsent) {
      known.tried = true;
      void this._model.load(known);
    } else if (!this._asked) {
      this._asked = true;
      void this._agree();
    }
  }

  private async _agree(): Promise<void> {
    if (await this._ask()) {
      await this._preferences.choose('meterAllConsent', true);
    } else {
      await this._preferences.choose('meterAll', false);
    }
    this._asked = false;
  }

  private _asked = false;
}
