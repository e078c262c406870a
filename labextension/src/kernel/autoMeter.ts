/**
 * Meters every Python notebook, where a person wants that and has agreed to it once.
 *
 * The setting may come from an administrator's file; what runs in a person's kernels is the person's to decide, so the
 * setting alone loads nothing. Each kernel is tried once: one that lacks the package is not asked again.
 *
 * What a person started goes on: after a restart of the kernel, and with the region and the price that they set since.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IKernelState, Kernels } from './kernels';
import type { EnergyModel } from '../state/model';
import { execute } from './runCode';
import { changeCode, configError } from './meteringCode';
import type { Preferences } from '../state/settings';

export class AutoMeter {
  /**
   * @param _askConsent - Asks the person; true where they agree.
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

/** Goes on metering a kernel that was restarted, where this page had started it; else says that it stopped. */
export class ResumeAfterRestart {
  constructor(
    private readonly _model: EnergyModel,
    kernels: Kernels,
    private readonly _trans: TranslationBundle
  ) {
    kernels.changed.connect((_, { kernelState }) => this._check(kernelState));
  }

  private _check(kernelState: IKernelState): void {
    // Cells of "restart and run all" are sent at once, so loading has to be sent before them; where that can't be, and
    // where it stays at a sentence, not before the new process has said that it is not metered.
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

/** Hands changed settings on to the kernels that are metered already; what one can't read is said. */
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
