/**
 * The lines that start metering in a kernel: what a person could type, and nothing else.
 *
 * Settings of the page that the kernel needs go with them as `%config` lines. They become Python, so what ends
 * a text there, or stands for something else, is not let through.
 */
import type { Kernel } from '@jupyterlab/services';

import { execute } from './runCode';
import type { ISettings } from '../tokens';

/** What came of it; `said` is what loading printed, `sentence` why it failed. */
export type Loaded =
  | { kind: 'loaded'; output: string }
  | { kind: 'missing' }
  | { kind: 'failed'; sentence: string }
  | { kind: 'gone' };

const LOAD = '%load_ext jupyter_green';

// The schema has the same, but for the signs that nobody can see.
const PLAIN_VALUE = /^[^\p{C}'"\\{}$<>%;()]{1,64}$/u;

/** Whether a setting can be handed to a kernel. */
export function isPlain(text: string): boolean {
  return PLAIN_VALUE.test(text);
}

type KernelSettings = Pick<ISettings, 'region' | 'pue' | 'tariff'>;

/** What a kernel is told of settings, by the names that it has for them; empty is what the kernel's own place says. */
function settingValues(settings: KernelSettings): [string, string][] {
  return [
    ['region', settings.region.trim()],
    ['pue', settings.pue === null ? '' : String(settings.pue)],
    ['tariff', settings.tariff.trim()]
  ];
}

const configLine = ([name, value]: [string, string]): string =>
  `%config JupyterGreen.${name} = '${value}'`;

/** The lines for these settings. */
export function loadCode(settings: KernelSettings): string {
  const plainValues = settingValues(settings).filter(([_, value]) =>
    isPlain(value)
  );
  return [LOAD, ...plainValues.map(configLine)].join('\n');
}

/** The lines that bring a metered kernel from some settings to others; none where nothing that it needs has changed. */
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

/** What a kernel says of a setting that it can't read, without the mark that IPython puts before it; empty: all is well. */
export function configError(output: string): string {
  return output.replace(/^ERROR:root:/gm, '').trim();
}

/** Start metering in a kernel. */
export async function load(
  kernel: Kernel.IKernelConnection,
  settings: Pick<ISettings, 'region' | 'pue' | 'tariff'>
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
