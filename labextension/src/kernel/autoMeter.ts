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
import type { EnergyModel } from '../state/model';
import { execute } from './runCode';
import { changed, refusal } from './meteringCode';
import type { Preferences } from '../state/settings';

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
    // Cells of "restart and run all" are sent at once, so loading has to be sent before them; where that can't be, and
    // where it stays at a sentence, not before the new process has said that it is not metered.
    const now =
      known.link.metered === false || (known.wanted && known.link.ahead);
    if (!known.lapsed || known.loading || !now) {
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

/** Hands changed settings on to the kernels that are metered already; what one can't read is said. */
export class Factors {
  constructor(
    private readonly _model: EnergyModel,
    kernels: Kernels,
    preferences: Preferences
  ) {
    let before = preferences.current;
    preferences.changed.connect(() => {
      const code = changed(before, preferences.current);
      before = preferences.current;
      if (code === '') {
        return;
      }
      for (const known of kernels.all) {
        if (known.link.metered) {
          void this._hand(known, code);
        }
      }
    });
  }

  private async _hand(known: IKnown, code: string): Promise<void> {
    const { kernel } = known.link.wire;
    if (kernel === null) {
      return;
    }
    const { said, error } = await execute(kernel, code);
    known.said = error?.words ?? (refusal(said) || null);
    this._model.touch();
  }
}
