/**
 * Meters every Python notebook, where a person wants that and has agreed to it once.
 *
 * The setting may come from an administrator's file; what runs in a person's kernels is the person's to decide, so the
 * setting alone loads nothing. Each kernel is tried once: one that lacks the package is not asked again.
 *
 * What a person started goes on: after a restart of the kernel, and with the region and the price that they set since.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IKnown, Kernels } from './kernels';
import type { EnergyModel } from './model';
import { execute } from './execution';
import { changed } from './metering';
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

/** Goes on metering a kernel that was restarted, where this page had started it; else says that it stopped. */
export class AfterRestart {
  constructor(
    private readonly _model: EnergyModel,
    kernels: Kernels,
    private readonly _trans: TranslationBundle
  ) {
    kernels.news.connect((_, { known }) => this._look(known));
  }

  private _look(known: IKnown): void {
    // Not before the new process has said that it is not metered.
    if (!known.lapsed || known.loading || known.link.metered !== false) {
      return;
    }
    known.lapsed = false;
    if (known.wanted) {
      void this._model.load(known);
    } else {
      known.said = this._trans.__(
        'The kernel was restarted, and metering stopped with it.'
      );
      this._model.touch();
    }
  }
}

/** Hands changed settings on to the kernels that are metered already. */
export class Factors {
  constructor(kernels: Kernels, preferences: Preferences) {
    let before = preferences.current;
    preferences.changed.connect(() => {
      const code = changed(before, preferences.current);
      before = preferences.current;
      if (code === '') {
        return;
      }
      for (const { link } of kernels.all) {
        if (link.metered && link.wire.kernel !== null) {
          void execute(link.wire.kernel, code);
        }
      }
    });
  }
}
