/**
 * All texts of the panel, through the translator.
 *
 * Rows show symbols, screen readers get sentences; both come from here and therefore agree. "~" and "about" mark
 * figures without any measured part, "simulated" those of simulated devices.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  ABSENT,
  THIN,
  upperBound,
  percentChange,
  energy,
  lowerBound,
  withUnit,
  isKnown,
  unitFor,
  wholePercent,
  type IUnit,
  type UnitChoice
} from './quantities';
import { isProvisional, writtenJoules } from '../state/rows';
import type {
  IComparison,
  IBaselineHead,
  ICell,
  IFigure,
  IPart,
  Kind,
  Quality
} from '../tokens';

/** Prefix of a value: none, about, at most, at least. */
export type BoundSign = '' | '~' | '≤' | '≥';

/** A formatted figure; `suffix` is its ± or "so far", `uncertainty` its ± alone: null where it has none. */
export interface IReading {
  sign: BoundSign;
  value: string;
  suffix: string;
  uncertainty: string | null;
  unit: IUnit;
}

/** Value with its prefix: "4.1", "~92", "≤ 0.8". */
export function withSign({
  sign,
  value
}: Pick<IReading, 'sign' | 'value'>): string {
  return `${sign}${sign === '≤' || sign === '≥' ? THIN : ''}${value}`;
}

/** The right column of a row: a cell's difference from its baseline, and a word below it. */
export interface IDifference {
  sign: string;
  word: string;
  excess: boolean;
}

/** Whether no part of a figure was measured. */
export function isModelled(figure: IFigure): boolean {
  return (
    figure.quality === 'estimated' &&
    !(isKnown(figure.measured_share) && figure.measured_share >= 0.005)
  );
}

export class Messages {
  constructor(
    readonly trans: TranslationBundle,
    readonly choice: UnitChoice = 'auto'
  ) {}

  // ---- figures ------------------------------------------------------------------------------------

  /** Format a figure, or its upper bound if it is below the sensor's resolution. `joules` replaces the figure's own. */
  reading(
    figure: IFigure,
    fixedUnit: IUnit | null = null,
    joules: number | null = figure.joules
  ): IReading {
    const unit =
      fixedUnit ?? unitFor([joules, figure.uncertainty], this.choice);
    if (
      isKnown(joules) &&
      figure.below_resolution &&
      isKnown(figure.uncertainty)
    ) {
      return this.bound(
        '≤',
        Math.max(0, joules + figure.uncertainty),
        fixedUnit
      );
    }
    const amount = energy(joules, figure.uncertainty, fixedUnit, this.choice);
    const uncertainty = isKnown(joules) ? (amount.uncertainty ?? ABSENT) : null;
    return {
      sign: isKnown(joules) && isModelled(figure) ? '~' : '',
      value: amount.value,
      suffix: uncertainty === null ? '' : `±${THIN}${uncertainty}`,
      uncertainty,
      unit: isKnown(joules) ? amount.unit : unit
    };
  }

  /** Format a bound, rounded outwards so that it stays a bound. */
  bound(
    sign: '≤' | '≥',
    joules: number,
    fixedUnit: IUnit | null = null
  ): IReading {
    const unit = fixedUnit ?? unitFor([joules], this.choice);
    const roundBound = sign === '≤' ? upperBound : lowerBound;
    const value = roundBound(joules / unit.joules);
    return { sign, value, suffix: '', uncertainty: null, unit };
  }

  /** Format a cell's figure: its own joules where the device is shared, a lower bound where the kernel was killed. */
  cellReading(cell: ICell, fixedUnit: IUnit | null = null): IReading {
    const { bound, joules } = writtenJoules(cell);
    if (bound !== '' && joules !== null) {
      return this.bound(bound, joules, fixedUnit);
    }
    return isProvisional(cell)
      ? this.soFar(cell.figure, fixedUnit, joules)
      : this.reading(cell.figure, fixedUnit, joules);
  }

  /** Format a figure that still grows: "so far" in place of the ±, which is not final either. */
  soFar(
    figure: IFigure,
    fixedUnit: IUnit | null = null,
    joules: number | null = figure.joules
  ): IReading {
    const reading = this.reading(
      { ...figure, uncertainty: null },
      fixedUnit,
      joules
    );
    return isKnown(joules)
      ? { ...reading, suffix: this.trans.__('so far'), uncertainty: null }
      : reading;
  }

  /** "4.1 kJ ± 0.2", "~92 J ± 37", "≤ 0.8 J". */
  text(reading: IReading): string {
    if (reading.value === ABSENT) {
      return ABSENT;
    }
    const written = `${withSign(reading)}${THIN}${reading.unit.symbol}`;
    return reading.suffix ? `${written} ${reading.suffix}` : written;
  }

  figure(figure: IFigure, fixedUnit: IUnit | null = null): string {
    return this.text(this.reading(figure, fixedUnit));
  }

  /** "about 92 joules, plus or minus 37". */
  spoken(reading: IReading): string {
    const { trans } = this;
    if (reading.value === ABSENT) {
      return trans.__('no reading');
    }
    const size = `${reading.value} ${this.unitWord(reading.unit.symbol)}`;
    const spokenValue = {
      '': size,
      '~': trans.__('about %1', size),
      '≤': trans.__('at most %1', size),
      '≥': trans.__('at least %1', size)
    }[reading.sign];
    if (!reading.suffix) {
      return spokenValue;
    }
    switch (reading.uncertainty) {
      case null:
        return `${spokenValue} ${reading.suffix}`;
      case ABSENT:
        return trans.__('%1, uncertainty not known', spokenValue);
      default:
        return trans.__(
          '%1, plus or minus %2',
          spokenValue,
          reading.uncertainty
        );
    }
  }

  /** How a figure came about: "measured", "85 % measured", "estimated", "simulated". */
  provenance(figure: IFigure): string {
    const { trans } = this;
    if (!isKnown(figure.joules)) {
      return trans.__('no reading');
    }
    return figure.quality === 'estimated' && !isModelled(figure)
      ? trans.__('%1 measured', wholePercent(figure.measured_share))
      : this.quality(figure.quality);
  }

  quality(quality: Quality): string {
    const { trans } = this;
    return {
      measured: trans.__('measured'),
      estimated: trans.__('estimated'),
      simulated: trans.__('simulated')
    }[quality];
  }

  kind(kind: Kind): string {
    return kind === 'other'
      ? this.trans.__('other')
      : { gpu: 'GPU', cpu: 'CPU', dram: 'DRAM' }[kind];
  }

  /** "GPU measured 3.5 kJ, CPU estimated 0.5 kJ". */
  devices(parts: readonly IPart[]): string {
    return parts
      .filter(part => isKnown(part.joules))
      .map(part => {
        const amount = energy(part.joules, part.uncertainty, null, this.choice);
        return `${this.kind(part.kind)} ${this.quality(part.quality)} ${withUnit(amount)}`;
      })
      .join(', ');
  }

  unitWord(symbol: string): string {
    const { trans } = this;
    const names: Record<string, string> = {
      mJ: trans.__('millijoules'),
      J: trans.__('joules'),
      kJ: trans.__('kilojoules'),
      MJ: trans.__('megajoules'),
      mWh: trans.__('milliwatt-hours'),
      Wh: trans.__('watt-hours'),
      kWh: trans.__('kilowatt-hours')
    };
    return names[symbol] ?? symbol;
  }

  // ---- baseline -----------------------------------------------------------------------------------

  /** The baseline's name: “before”, last run, median of 5 runs. */
  baseline(baseline: IBaselineHead): string {
    const { trans } = this;
    switch (baseline.kind) {
      case 'last':
        return trans.__('last run');
      case 'median':
        return baseline.runs === 1
          ? trans.__('last run')
          : trans.__('median of %1 runs', baseline.runs);
      default:
        return baseline.name
          ? trans.__('“%1”', baseline.name)
          : trans.__('baseline');
    }
  }

  /** The baseline's name, short enough for a column heading. */
  baselineHead(baseline: IBaselineHead): string {
    return baseline.kind === 'median' && baseline.runs > 1
      ? this.trans.__('median')
      : this.baseline(baseline);
  }

  /** The right column of a row. */
  difference(cell: ICell): IDifference {
    const { trans } = this;
    const against = cell.against;
    const edited = against?.edited ? trans.__('code changed') : '';
    if (cell.status === 'running' || against === null) {
      return { sign: '', word: this.outcomeWord(cell), excess: false };
    }
    if (this.isProven(against) && isKnown(against.ratio)) {
      return {
        sign: percentChange(against.ratio),
        word: this.comparesCpuTime(against) ? trans.__('CPU time') : edited,
        excess: against.verdict === 'more'
      };
    }
    if (against.verdict === 'unproven') {
      return {
        sign: '≈',
        word: against.reason
          ? this.reason(against.reason)
          : trans.__('not proven'),
        excess: false
      };
    }
    return {
      sign: cell.figure.below_resolution ? '≈' : ABSENT,
      word: this.reason(against.reason) || this.outcomeWord(cell),
      excess: false
    };
  }

  /** Whether processor times are compared, since energy is only estimated from them. */
  comparesCpuTime(against: IComparison): boolean {
    return against.basis === 'cpu_time';
  }

  /** Whether the difference is statistically significant. */
  isProven(against: IComparison): boolean {
    return against.verdict === 'more' || against.verdict === 'less';
  }

  /** How a cell ended, in one word; empty for a normal end. */
  outcomeWord(cell: ICell): string {
    const { trans } = this;
    if (cell.status === 'ok') {
      return cell.figure.below_resolution && cell.final
        ? trans.__('too short')
        : cell.incomplete
          ? trans.__('incomplete')
          : '';
    }
    return this.reason(cell.status);
  }

  /** Why a cell can't be compared, short enough for a row; unknown reasons are returned unchanged. */
  reason(reason: string | null): string {
    const { trans } = this;
    const texts: Record<string, string> = {
      interrupted: trans.__('interrupted'),
      error: trans.__('error'),
      killed: trans.__('killed'),
      running: trans.__('running'),
      'too short': trans.__('too short'),
      'other devices': trans.__('other devices'),
      shared: trans.__('shared'),
      'no reading': trans.__('no reading'),
      'no baseline': trans.__('no baseline'),
      'one run': trans.__('one run'),
      'kept as baseline': trans.__('kept'),
      throttled: trans.__('throttled'),
      'baseline throttled': trans.__('baseline throttled'),
      'other clocks': trans.__('other clocks')
    };
    return reason === null ? '' : (texts[reason] ?? reason);
  }

  /** Why different conditions leave a difference unproven, as part of a sentence; empty for other reasons. */
  conditionsReason(against: IComparison): string {
    const { trans } = this;
    const texts: Record<string, string> = {
      throttled: trans.__(
        'the device was throttled in this run and not in the baseline’s'
      ),
      'baseline throttled': trans.__(
        'the device was throttled in the baseline’s run and not in this one'
      ),
      'other clocks': trans.__(
        'the device ran at a different clock frequency than in the baseline’s run'
      )
    };
    return against.verdict === 'unproven' && against.reason !== null
      ? (texts[against.reason] ?? '')
      : '';
  }

  /** "Cell 4", "Cell without a number". */
  cellName(cell: ICell): string {
    return isKnown(cell.execution_count)
      ? this.trans.__('Cell %1', cell.execution_count)
      : this.trans.__('Cell without a number');
  }
}
