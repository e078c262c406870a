/**
 * The energy of one window as its record tells it, and the sums that follow from it.
 *
 * Sums are computed from the components, as the kernel does it, and never read: a record from elsewhere can't say one
 * thing in its total and another in its parts. Random errors add in quadrature; errors of gain, which the sensors of
 * one source share, add linearly within it.
 */
import { known } from '../decimal';
import type { IFigure, Kind, Quality } from '../tokens';

export interface IComponent {
  kind: Kind;
  device: string;
  key: string;
  joules: number | null;
  uncertainty: number | null;
  gain_uncertainty?: number | null;
  method: 'counter' | 'power' | 'model';
  quality: Quality;
  scope: string;
  source?: string;
  idle_joules?: number | null;
  own_joules?: number | null;
  shared?: boolean | null;
  tick_seconds?: number | null;
  note?: string | null;
  celsius?: number | null;
  clock_mhz?: number | null;
  throttle?: readonly string[] | null;
  power_mismatch?: IPowerMismatch | null;
}

/** By how much the power that a device shows differs from its counter. */
export interface IPowerMismatch {
  /** (shown - counted) / counted. */
  ratio: number;
  /** Whether the window was too short to tell, and the latest readings before its end were taken. */
  recent: boolean;
}

/** Pairs of seconds since the window's start and mean watts up to the next pair; null is a gap. */
export type Points = readonly (readonly [number, number | null])[];

export interface ITrace {
  series: readonly (readonly [device: string, points: Points])[];
  seconds: number;
  simulated: boolean;
}

/** What a record holds, without its sums. */
export interface IRecord {
  span: 'cell' | 'window' | 'gap' | 'trial';
  status: 'ok' | 'error' | 'interrupted' | 'killed';
  final: boolean;
  seconds: number;
  components: IComponent[];
  units?: number | null;
  unit?: string | null;
  batch_size?: number | null;
  overhead_seconds?: number | null;
  co2e_grams?: number | null;
  co2e_source?: string | null;
  cost?: number | null;
  currency?: string | null;
  label?: string | null;
  notes: string[];
  trace?: ITrace | null;
}

/** A component with a reading. */
export type Read = IComponent & { joules: number };

/** The components that have a reading. */
export function read(parts: readonly IComponent[]): Read[] {
  return parts.filter((part): part is Read => known(part.joules));
}

export function sum(values: Iterable<number>): number {
  let all = 0;
  for (const value of values) {
    all += value;
  }
  return all;
}

/** The sum of components, with what is known of its money and grams. */
export function figureOf(
  parts: readonly IComponent[],
  beside: Pick<IRecord, 'co2e_grams' | 'cost' | 'currency'> = {}
): IFigure {
  const found = read(parts);
  const joules = found.length > 0 ? sum(found.map(each => each.joules)) : null;
  const uncertainty = joules === null ? null : spread(found);
  const measured = found.filter(each => each.quality === 'measured');
  return {
    ...beside,
    joules,
    uncertainty,
    quality: weakest(found),
    measured_share: joules
      ? sum(measured.map(each => each.joules)) / joules
      : null,
    below_resolution:
      joules !== null && uncertainty !== null && uncertainty >= joules
  };
}

function spread(parts: readonly Read[]): number | null {
  const gains = new Map<string, number>();
  const randoms: number[] = [];
  for (const { uncertainty, gain_uncertainty, source, key } of parts) {
    if (!known(uncertainty)) {
      return null;
    }
    const gain = gain_uncertainty ?? 0;
    randoms.push(
      Math.sqrt(Math.max(0, uncertainty - gain) * (uncertainty + gain))
    );
    gains.set(source || key, (gains.get(source || key) ?? 0) + gain);
  }
  return Math.hypot(...randoms, ...gains.values());
}

function weakest(parts: readonly Read[]): Quality {
  const has = (quality: Quality): boolean =>
    parts.some(part => part.quality === quality);
  return has('simulated')
    ? 'simulated'
    : has('estimated') || parts.length === 0
      ? 'estimated'
      : 'measured';
}

/** Whether a device was shared and a part of its energy was attributed to this process tree. */
export function attributed(
  part: IComponent
): part is Read & { own_joules: number } {
  return part.shared === true && known(part.own_joules) && known(part.joules);
}

/** Read components by kind and standing, in the order in which they appear. */
export function groups(record: IRecord): Read[][] {
  const found = new Map<string, Read[]>();
  for (const part of read(record.components)) {
    const key = `${part.kind} ${part.quality} ${attributed(part)}`;
    found.set(key, [...(found.get(key) ?? []), part]);
  }
  return [...found.values()];
}

/** Whether no sensor stands behind any figure. */
export function onlyModelled(record: IRecord): boolean {
  const parts = read(record.components);
  return (
    parts.length > 0 &&
    parts.every(
      ({ quality, method }) => quality === 'estimated' && method === 'model'
    )
  );
}
