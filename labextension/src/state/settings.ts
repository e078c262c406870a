/**
 * What a person chose, out of JupyterLab's settings.
 *
 * Until they are loaded, and for whatever is not in them, the schema's defaults hold. They are read as strictly as a
 * frame, because an administrator's file may hold anything; one that does not fit leaves its default.
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

/** The plugin whose settings these are. */
export const SETTINGS = 'jupyter-green:panel';

/** What is kept beside what others see: that a person agreed to meter every notebook. */
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

/** Read choices from data; what does not fit has its default. */
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
  /** Emitted when a choice has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get current(): IChoices {
    return this._current;
  }

  /** Follow the registry, where there is one. */
  async follow(registry: ISettingRegistry): Promise<void> {
    this._settings = await registry.load(SETTINGS);
    this._settings.changed.connect(this._onChanged, this);
    this._onChanged();
  }

  /** Keep a choice. */
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

/** For the plugins of this package alone. */
export const IPreferences = new Token<Preferences>(
  'jupyter-green:IPreferences',
  'What a person chose for the energy panel.'
);
