/**
 * What things are called in a record's sentences: devices, parts of a sum, the one of many.
 */
import { THIN, bends, energy, fixed, head, type IAmount } from '../format';
import { line } from '../line';
import type { Words } from '../words';
import { groups, type IComponent, type IRecord } from './energy';

/** What devices of one kind are called: "GPU", "2 GPUs", a name for one of no known kind. */
export function kindName(words: Words, parts: readonly IComponent[]): string {
  const { trans } = words;
  const { kind, device } = parts[0];
  if (kind !== 'other') {
    return parts.length === 1
      ? words.kind(kind)
      : trans.__('%1 %2s', parts.length, words.kind(kind));
  }
  return parts.length === 1
    ? line(device, 40) || trans.__('one device')
    : trans.__('%1 other devices', parts.length);
}

export function deviceName(words: Words, part: IComponent): string {
  return line(part.device, 80) || kindName(words, [part]);
}

/** A note without the point at its end. */
export function clipped(text: string, limit: number): string {
  return line(text, limit).replace(/\.+$/, '');
}

/** Why a device has no figure, said beside its name. */
export function whyAbsent({ trans }: Words, part: IComponent): string {
  const name = part.device.trimEnd();
  const note = part.note || trans.__('no reading came');
  return clipped(
    name && note.startsWith(`${name} `)
      ? trans.__('it %1', note.slice(name.length + 1))
      : note,
    300
  );
}

/** A part of a block at the block's digit; one that this would bend by a tenth keeps digits of its own. */
export function part(words: Words, joules: number, block: IAmount): string {
  const { unit, decimals } = block;
  const value = joules / unit.joules;
  const written = fixed(value, decimals);
  return joules !== 0 &&
    (bends(Math.abs(value), decimals, 0.1) || !/[1-9]/.test(written))
    ? head(energy(joules, null, null, words.choice))
    : `${written}${THIN}${unit.symbol}`;
}

export function names(words: Words, record: IRecord): string {
  const all = groups(record).map(group => kindName(words, group));
  return [...new Set(all)].join(` ${words.trans.__('and')} `);
}

/** The singular of a plain English plural. */
export function singular(unit: string): string {
  for (const [ending, one] of PLURALS) {
    if (unit.endsWith(ending) && unit.length > ending.length + 1) {
      return unit.slice(0, -ending.length) + one;
    }
  }
  return /[^sui]s$/.test(unit) && unit.length > 2 ? unit.slice(0, -1) : unit;
}

const PLURALS = [
  ['ies', 'y'],
  ['ches', 'ch'],
  ['shes', 'sh'],
  ['sses', 'ss'],
  ['xes', 'x']
] as const;
