/**
 * The sentences of the panel, every word through the translator.
 *
 * A row is drawn in signs and read aloud in a full sentence; both come from here, so that they can't say
 * different things. "~" and "about" mark what no sensor stands behind, "simulated" what no hardware does.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  ABSENT,
  THIN,
  ceiling,
  change,
  energy,
  floor,
  head,
  known,
  unitFor,
  wholePercent,
  type IUnit,
  type UnitChoice
} from './quantities';
import { provisional, told } from '../state/rows';
import type {
  IAgainst,
  IBaselineHead,
  ICell,
  IFigure,
  IPart,
  Kind,
  Quality
} from '../tokens';

/** What came before a value: nothing, about, at most, at least. */
export type Sign = '' | '~' | '≤' | '≥';

/** A figure as a row shows it: sign, value and ± (or "so far") without the unit. */
export interface IReading {
  sign: Sign;
  value: string;
  doubt: string;
  unit: IUnit;
}

/** "4.1", "~92", "≤ 0.8": a value with what came before it. */
export function signed({
  sign,
  value
}: Pick<IReading, 'sign' | 'value'>): string {
  return `${sign}${sign === '≤' || sign === '≥' ? THIN : ''}${value}`;
}

/** How a cell stands beside its baseline, in the two lines of a row. */
export interface IStanding {
  sign: string;
  word: string;
  excess: boolean;
}

/** Whether no sensor stands behind any part of a figure. */
export function modelled(figure: IFigure): boolean {
  return (
    figure.quality === 'estimated' &&
    !(known(figure.measured_share) && figure.measured_share >= 0.005)
  );
}

export class Words {
  constructor(
    readonly trans: TranslationBundle,
    readonly choice: UnitChoice = 'auto'
  ) {}

  // ---- figures ------------------------------------------------------------------------------------

  /** A figure as it is written, bounds included; `joules` in its place where a part of it is meant. */
  reading(
    figure: IFigure,
    given: IUnit | null = null,
    joules: number | null = figure.joules
  ): IReading {
    const unit = given ?? unitFor([joules, figure.uncertainty], this.choice);
    if (known(joules) && figure.below_resolution && known(figure.uncertainty)) {
      return this.bound('≤', Math.max(0, joules + figure.uncertainty), given);
    }
    const amount = energy(joules, figure.uncertainty, given, this.choice);
    return {
      sign: known(joules) && modelled(figure) ? '~' : '',
      value: amount.value,
      doubt: known(joules) ? `±${THIN}${amount.uncertainty ?? ABSENT}` : '',
      unit: known(joules) ? amount.unit : unit
    };
  }

  /** A bound, rounded away from the doubt so that it stays one. */
  bound(sign: '≤' | '≥', joules: number, given: IUnit | null = null): IReading {
    const unit = given ?? unitFor([joules], this.choice);
    const write = sign === '≤' ? ceiling : floor;
    return { sign, value: write(joules / unit.joules), doubt: '', unit };
  }

  /** A cell's figure: own joules where the device is shared, a lower bound where the kernel was killed. */
  ofCell(cell: ICell, given: IUnit | null = null): IReading {
    const { bound, joules } = told(cell);
    if (bound !== '' && joules !== null) {
      return this.bound(bound, joules, given);
    }
    return provisional(cell)
      ? this.soFar(cell.figure, given, joules)
      : this.reading(cell.figure, given, joules);
  }

  /** A figure that still grows: its ± is that of the newest moment, and not the one that it will end with. */
  soFar(
    figure: IFigure,
    given: IUnit | null = null,
    joules: number | null = figure.joules
  ): IReading {
    const reading = this.reading(
      { ...figure, uncertainty: null },
      given,
      joules
    );
    return known(joules)
      ? { ...reading, doubt: this.trans.__('so far') }
      : reading;
  }

  /** "4.1 kJ ± 0.2", "~92 J ± 37", "≤ 0.8 J". */
  text(reading: IReading): string {
    if (reading.value === ABSENT) {
      return ABSENT;
    }
    const written = `${signed(reading)}${THIN}${reading.unit.symbol}`;
    return reading.doubt ? `${written} ${reading.doubt}` : written;
  }

  figure(figure: IFigure, given: IUnit | null = null): string {
    return this.text(this.reading(figure, given));
  }

  /** "about 92 joules, plus or minus 37". */
  spoken(reading: IReading): string {
    const { trans } = this;
    if (reading.value === ABSENT) {
      return trans.__('no reading');
    }
    const size = `${reading.value} ${this.unitWord(reading.unit.symbol)}`;
    const said = {
      '': size,
      '~': trans.__('about %1', size),
      '≤': trans.__('at most %1', size),
      '≥': trans.__('at least %1', size)
    }[reading.sign];
    if (reading.doubt === `±${THIN}${ABSENT}`) {
      return trans.__('%1, uncertainty not known', said);
    }
    if (reading.doubt.startsWith('±')) {
      return trans.__('%1, plus or minus %2', said, reading.doubt.slice(2));
    }
    return reading.doubt ? `${said} ${reading.doubt}` : said;
  }

  /** How much of a figure was measured: "measured", "85 % measured", "estimated", "simulated". */
  standing(figure: IFigure): string {
    const { trans } = this;
    if (!known(figure.joules)) {
      return trans.__('no reading');
    }
    return figure.quality === 'estimated' && !modelled(figure)
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
      .filter(part => known(part.joules))
      .map(part => {
        const amount = energy(part.joules, part.uncertainty, null, this.choice);
        return `${this.kind(part.kind)} ${this.quality(part.quality)} ${head(amount)}`;
      })
      .join(', ');
  }

  unitWord(symbol: string): string {
    const { trans } = this;
    const words: Record<string, string> = {
      mJ: trans.__('millijoules'),
      J: trans.__('joules'),
      kJ: trans.__('kilojoules'),
      MJ: trans.__('megajoules'),
      mWh: trans.__('milliwatt-hours'),
      Wh: trans.__('watt-hours'),
      kWh: trans.__('kilowatt-hours')
    };
    return words[symbol] ?? symbol;
  }

  // ---- baseline -----------------------------------------------------------------------------------

  /** What the baseline is called: “before”, last run, median of 5 runs. */
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

  /** The same, short enough for the head of a column. */
  baselineHead(baseline: IBaselineHead): string {
    return baseline.kind === 'median' && baseline.runs > 1
      ? this.trans.__('median')
      : this.baseline(baseline);
  }

  /** What a row's right column says of its difference. */
  difference(cell: ICell): IStanding {
    const { trans } = this;
    const against = cell.against;
    const edited = against?.edited ? trans.__('code changed') : '';
    if (cell.status === 'running' || against === null) {
      return { sign: '', word: this.ending(cell), excess: false };
    }
    if (this.proven(against) && known(against.ratio)) {
      return {
        sign: change(against.ratio),
        word: this.timed(against) ? trans.__('CPU time') : edited,
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
      word: this.reason(against.reason) || this.ending(cell),
      excess: false
    };
  }

  /** Whether processor times are compared, because energy is only estimated from them. */
  timed(against: IAgainst): boolean {
    return against.basis === 'cpu_time';
  }

  /** Whether the two intervals tell a difference apart. */
  proven(against: IAgainst): boolean {
    return against.verdict === 'more' || against.verdict === 'less';
  }

  /** How a cell ended, in one word; nothing where it ended well. */
  ending(cell: ICell): string {
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

  /** Why two can't be compared, in a word that fits a row; a reason not known here stays as it is. */
  reason(reason: string | null): string {
    const { trans } = this;
    const words: Record<string, string> = {
      interrupted: trans.__('interrupted'),
      error: trans.__('error'),
      killed: trans.__('killed'),
      running: trans.__('running'),
      'not run': trans.__('not run'),
      'too short': trans.__('too short'),
      'other devices': trans.__('other devices'),
      'no baseline': trans.__('no baseline'),
      'one run': trans.__('one run'),
      'kept as baseline': trans.__('kept'),
      throttled: trans.__('throttled'),
      'baseline throttled': trans.__('baseline throttled'),
      'other clocks': trans.__('other clocks')
    };
    return reason === null ? '' : (words[reason] ?? reason);
  }

  /** Why conditions that were not alike leave a difference unproven, as part of a sentence; empty for other reasons. */
  unfair(against: IAgainst): string {
    const { trans } = this;
    const words: Record<string, string> = {
      throttled: trans.__(
        'the device was throttled in this run and not in the baseline’s'
      ),
      'baseline throttled': trans.__(
        'the device was throttled in the baseline’s run and not in this one'
      ),
      'other clocks': trans.__(
        'the device ran at another clock than in the baseline’s run'
      )
    };
    return against.verdict === 'unproven' && against.reason !== null
      ? (words[against.reason] ?? '')
      : '';
  }

  /** "Cell 4", "Cell without a number". */
  cellName(cell: ICell): string {
    return known(cell.execution_count)
      ? this.trans.__('Cell %1', cell.execution_count)
      : this.trans.__('Cell without a number');
  }
}
