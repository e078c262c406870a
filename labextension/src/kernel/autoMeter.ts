/**
 * Starts metering automatically.
 *
 * `AutoMeter` meters every Python notebook, if the setting is on and the user has agreed once. Consent is separate
 * because the setting may come from an administrator's file. Each kernel is tried once; one that lacks the package is
 * not asked again.
 *
 * `ResumeAfterRestart` and `SettingsForwarder` keep metering, region and tariff in effect across restarts and settings
 * changes.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IKernelState, Kernels } from './kernels';
import type { EnergyModel } from '../state/panelModel';
import { execute } from './runCode';
import { changeCode, configError } from './meteringCode';
import type { Preferences } from '../state/settings';

export class AutoMeter {
  /**
   * @param _askConsent - Asks the user; resolves to true on consent.
   */
  constructor(
    private readonly _model: EnergyModel,
    kernels: Kernels,
    private readonly _preferences: Preferences,
    private readonly _askConsent: () => Promise<boolean>
  ) {
    kernels.changed.connect((_, { kernelState }) => this._check(kernelState));
    _preferences.changed.connect(() => kernels.all.forEach(this._check, this));
  }

  private _check(kernelState: IKernelState): void {
    const { meterAll, meterAllConsent } = this._preferences.current;
    if (
      !meterAll ||
      kernelState.loadAttempted ||
      kernelState.connection.metered !== false
    ) {
      return;
    }
    if (meterAllConsent) {
      kernelState.loadAttempted = true;
      void this._model.load(kernelState);
    } else if (!this._asking) {
      this._asking = true;
      void this._requestConsent();
    }
  }

  private async _requestConsent(): Promise<void> {
    if (await this._askConsent()) {
      await this._preferences.choose('meterAllConsent', true);
    } else {
      await this._preferences.choose('meterAll', false);
    }
    this._asking = false;
  }

  private _asking = false;
}

/** Resumes metering after a kernel restart if this page had started it; otherwise shows that it has stopped. */
export class ResumeAfterRestart {
  constructor(
    private readonly _model: EnergyModel,
    kernels: Kernels,
    private readonly _trans: TranslationBundle
  ) {
    kernels.changed.connect((_, { kernelState }) => this._check(kernelState));
  }

  private _check(kernelState: IKernelState): void {
    // "Restart and run all" sends its cells at once, so the load request has to be sent before them. Where that isn't
    // possible, or nothing is to be loaded, wait until the new process is known not to be metered.
    const ready =
      kernelState.connection.metered === false ||
      (kernelState.startedHere && kernelState.connection.readyAfterRestart);
    if (!kernelState.meteringLost || kernelState.loading || !ready) {
      return;
    }
    kernelState.meteringLost = false;
    if (kernelState.startedHere) {
      void this._model.load(kernelState);
    } else {
      kernelState.message = this._trans.__(
        'The kernel was restarted, and metering stopped with it.'
      );
      this._model.markChanged();
    }
  }
}

/** Forwards changed settings to kernels that are already metered, and shows errors. */
export class SettingsForwarder {
  constructor(
    private readonly _model: EnergyModel,
    kernels: Kernels,
    preferences: Preferences
  ) {
    let before = preferences.current;
    preferences.changed.connect(() => {
      const code = changeCode(before, preferences.current);
      before = preferences.current;
      if (code === '') {
        return;
      }
      for (const kernelState of kernels.all) {
        if (kernelState.connection.metered) {
          void this._apply(kernelState, code);
        }
      }
    });
  }

  private async _apply(kernelState: IKernelState, code: string): Promise<void> {
    const { kernel } = kernelState.connection.comm;
    if (kernel === null) {
      return;
    }
    const { output, error } = await execute(kernel, code);
    kernelState.message = error?.message ?? (configError(output) || null);
    this._model.markChanged();
  }
}
