/**
 * The code that starts metering in a kernel: nothing that a user could not type.
 *
 * Settings that the kernel needs are sent as `%config` lines. They become Python source, so values with quotes or
 * other special characters are dropped.
 */
import type { Kernel } from '@jupyterlab/services';

import { execute } from './runCode';
import type { ISettings } from '../tokens';

/** The outcome; `output` is what loading printed, `sentence` why it failed. */
export type Loaded =
  | { kind: 'loaded'; output: string }
  | { kind: 'missing' }
  | { kind: 'failed'; sentence: string }
  | { kind: 'gone' };

const LOAD = '%load_ext jupyter_green';

// The settings schema has the same pattern, except for the invisible characters (\p{C}).
const PLAIN_VALUE = /^[^\p{C}'"\\{}$<>%;()]{1,64}$/u;

/** Whether a setting can be put into source code. */
export function isPlain(text: string): boolean {
  return PLAIN_VALUE.test(text);
}

type KernelSettings = Pick<ISettings, 'region' | 'pue' | 'tariff' | 'unit'>;

/** Settings by their names in the kernel; empty means the kernel's own default. */
function settingValues(settings: KernelSettings): [string, string][] {
  return [
    ['region', settings.region.trim()],
    ['pue', settings.pue === null ? '' : String(settings.pue)],
    ['tariff', settings.tariff.trim()],
    ['unit', settings.unit === 'auto' ? '' : settings.unit]
  ];
}

const configLine = ([name, value]: [string, string]): string =>
  `%config JupyterGreen.${name} = '${value}'`;

/** The code that loads jupyter_green with these settings. */
export function loadCode(settings: KernelSettings): string {
  const plainValues = settingValues(settings).filter(([_, value]) =>
    isPlain(value)
  );
  return [LOAD, ...plainValues.map(configLine)].join('\n');
}

/** The code that applies changed settings to a metered kernel; empty where none of them changed. */
export function changeCode(
  before: KernelSettings,
  after: KernelSettings
): string {
  const previous = new Map(settingValues(before));
  return settingValues(after)
    .filter(([name, value]) => previous.get(name) !== value)
    .filter(([_, value]) => value === '' || isPlain(value))
    .map(configLine)
    .join('\n');
}

/** The error that a `%config` line printed, without IPython's prefix; empty where there was none. */
export function configError(output: string): string {
  return output.replace(/^ERROR:root:/gm, '').trim();
}

/** Load jupyter_green in a kernel. */
export async function load(
  kernel: Kernel.IKernelConnection,
  settings: KernelSettings
): Promise<Loaded> {
  const { end, output, error } = await execute(kernel, loadCode(settings));
  if (end === 'gone') {
    return { kind: 'gone' };
  }
  if (end === 'ok') {
    return { kind: 'loaded', output: configError(output) };
  }
  if (
    error?.name === 'ModuleNotFoundError' &&
    error.message.includes("'jupyter_green'")
  ) {
    return { kind: 'missing' };
  }
  return { kind: 'failed', sentence: error?.message ?? output.trim() };
}
