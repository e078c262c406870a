/**
 * The user's settings.
 *
 * Defaults apply until the settings are loaded and for whatever is missing. Settings are validated, since an
 * administrator's file may contain anything; invalid ones fall back to the default.
 */
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Token } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import { isPlain } from '../kernel/meteringCode';
import {
  Reader,
  ValidationError,
  tryRead,
  bool,
  number,
  oneOf,
  orNull,
  text
} from '../schema/validators';
import type { ISettings } from '../tokens';

/** Id of the plugin that owns the settings. */
export const SETTINGS = 'jupyter-green:panel';

/** All settings, including the consent to meter every notebook. */
export interface IChoices extends ISettings {
  meterAllConsent: boolean;
}

const DEFAULTS: IChoices = {
  unit: 'auto',
  order: 'notebook',
  badge: true,
  statusBar: true,
  meterAll: false,
  meterAllConsent: false,
  refreshSeconds: 0,
  quiet: false,
  region: '',
  pue: null,
  tariff: ''
};

const plainValue: Reader<string> = value => {
  const plain = text(64)(value);
  if (plain !== '' && !isPlain(plain)) {
    throw new ValidationError('shape');
  }
  return plain;
};

const READERS: { [K in keyof IChoices]: Reader<IChoices[K]> } = {
  unit: oneOf('auto', 'J', 'Wh', 'kWh'),
  order: oneOf('notebook', 'joules'),
  badge: bool,
  statusBar: bool,
  meterAll: bool,
  meterAllConsent: bool,
  refreshSeconds: number(0, 60),
  quiet: bool,
  region: plainValue,
  pue: orNull(number(1, 5)),
  tariff: plainValue
};

/** Validate settings; invalid ones get their default. */
function readChoices(stored: Record<string, unknown>): IChoices {
  const chosen: Record<string, unknown> = { ...DEFAULTS };
  for (const [key, reader] of Object.entries(READERS)) {
    const result = tryRead<unknown>(reader, stored[key]);
    if (!(result instanceof ValidationError)) {
      chosen[key] = result;
    }
  }
  return chosen as unknown as IChoices;
}

export class Preferences {
  /** Emitted when a setting has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get current(): IChoices {
    return this._current;
  }

  /** Load the settings from the registry, and follow changes. */
  async follow(registry: ISettingRegistry): Promise<void> {
    this._settings = await registry.load(SETTINGS);
    this._settings.changed.connect(this._onChanged, this);
    this._onChanged();
  }

  /** Change and store a setting. */
  async choose<K extends keyof IChoices>(
    key: K,
    value: IChoices[K]
  ): Promise<void> {
    if (this._settings === null) {
      this._current = { ...this._current, [key]: value };
      this._changed.emit();
    } else {
      await this._settings.set(key, value);
    }
  }

  private _onChanged(): void {
    this._current = readChoices({ ...this._settings?.composite });
    this._changed.emit();
  }

  private _settings: ISettingRegistry.ISettings | null = null;
  private _current: IChoices = DEFAULTS;
  private readonly _changed = new Signal<this, void>(this);
}

/** Internal to this package. */
export const IPreferences = new Token<Preferences>(
  'jupyter-green:IPreferences',
  'The user’s settings of the energy panel.'
);
