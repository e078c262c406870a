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
  | { kind: 'loaded'; said: string }
  | { kind: 'missing' }
  | { kind: 'failed'; sentence: string }
  | { kind: 'gone' };

const LOAD = '%load_ext jupyter_green';

// The schema has the same, but for the signs that nobody can see.
const WRITTEN = /^[^\p{C}'"\\{}$<>%;()]{1,64}$/u;

/** Whether a setting can be handed to a kernel. */
export function isPlain(text: string): boolean {
  return WRITTEN.test(text);
}

type Given = Pick<ISettings, 'region' | 'pue' | 'tariff'>;

/** What a kernel is told of settings, by the names that it has for them; empty is what the kernel's own place says. */
function told(settings: Given): [string, string][] {
  return [
    ['region', settings.region.trim()],
    ['pue', settings.pue === null ? '' : String(settings.pue)],
    ['tariff', settings.tariff.trim()]
  ];
}

const line = ([name, value]: [string, string]): string =>
  `%config JupyterGreen.${name} = '${value}'`;

/** The lines for these settings. */
export function lines(settings: Given): string {
  const given = told(settings).filter(([_, value]) => isPlain(value));
  return [LOAD, ...given.map(line)].join('\n');
}

/** The lines that bring a metered kernel from some settings to others; none where nothing that it needs has changed. */
export function changed(before: Given, after: Given): string {
  const old = new Map(told(before));
  return told(after)
    .filter(([name, value]) => old.get(name) !== value)
    .filter(([_, value]) => value === '' || isPlain(value))
    .map(line)
    .join('\n');
}

/** What a kernel says of a setting that it can't read, without the mark that IPython puts before it; empty: all is well. */
export function refusal(said: string): string {
  return said.replace(/^ERROR:root:/gm, '').trim();
}

/** Start metering in a kernel. */
export async function load(
  kernel: Kernel.IKernelConnection,
  settings: Pick<ISettings, 'region' | 'pue' | 'tariff'>
): Promise<Loaded> {
  const { end, said, error } = await execute(kernel, lines(settings));
  if (end === 'gone') {
    return { kind: 'gone' };
  }
  if (end === 'ok') {
    return { kind: 'loaded', said: refusal(said) };
  }
  if (
    error?.name === 'ModuleNotFoundError' &&
    error.words.includes("'jupyter_green'")
  ) {
    return { kind: 'missing' };
  }
  return { kind: 'failed', sentence: error?.words ?? said.trim() };
}
