import {
  THIN,
  carbon,
  upperBound,
  percentChange,
  energy,
  fixed,
  lowerBound,
  withUnit,
  money,
  roughPercent,
  seconds,
  unitFor,
  unitOfColumn,
  watts,
  wholePercent,
  inBlock
} from '../format/quantities';
import { FIGURES } from './figures';

function cases(kind: string): unknown[][] {
  return FIGURES.filter(row => row[0] === kind).map(row => row.slice(1));
}

function runs(figure: string, times: number): string {
  const suffix = { 1: '', 1000: ' per 1,000 runs' }[times];
  return figure + (suffix ?? ' per million runs');
}

describe('the page formats figures as the records do', () => {
  it('has cases of each kind', () => {
    expect(cases('energy').length).toBeGreaterThan(60);
    expect(cases('columns').length).toBeGreaterThan(20);
  });

  it.each(cases('energy'))('%p ± %p', (joules, uncertainty, text, doubt) => {
    const amount = energy(joules as number, uncertainty as number | null);
    expect([withUnit(amount), amount.uncertainty]).toEqual([text, doubt]);
  });

  it.each(cases('bounds'))('bounds of %p', (joules, most, least) => {
    const value = joules as number;
    const unit = unitFor([value]);
    const end = THIN + unit.symbol;
    expect(`≤${THIN}${upperBound(value / unit.joules)}${end}`).toBe(most);
    expect(`≥${THIN}${lowerBound(value / unit.joules)}${end}`).toBe(least);
  });

  it.each(cases('others'))(
    'quantities of %p',
    (value, power, time, grams, price, whole, rough) => {
      const n = value as number;
      expect(watts(n)).toBe(power);
      expect(seconds(n)).toBe(time);
      const [figure, symbol, times] = carbon(n);
      expect(runs(`${figure}${THIN}${symbol} CO₂e`, times)).toBe(grams);
      const [cost, often] = money(n, 'EUR');
      expect(runs(cost.replace(`<${THIN}`, 'less than '), often)).toBe(price);
      if (whole !== null) {
        expect(wholePercent(n)).toBe(whole);
        expect(roughPercent(n)).toBe(rough);
      }
    }
  );

  it.each(cases('columns'))('column %p', (rows, symbol) => {
    const unit = unitOfColumn(rows as [number, number | null][]);
    expect(unit.symbol).toBe(symbol);
  });
});

describe('± and the value end on the same digit', () => {
  it.each([
    [4100, 200, '4.1', '0.2'],
    [1940, 150, '1.94', '0.15'],
    [124, 6, '124', '6'],
    [92, 37, '90', '40'],
    [12.44, 0.96, '12.4', '1.0']
  ])('%p ± %p', (joules, uncertainty, value, doubt) => {
    const amount = energy(joules, uncertainty);
    expect([amount.value, amount.uncertainty]).toEqual([value, doubt]);
  });

  it('rounds to tens in a given unit', () => {
    const joule = unitFor([1]);
    expect(energy(1237, 41, joule).value).toBe('1,240');
    expect(energy(1237, 41, joule).uncertainty).toBe('40');
  });
});

describe('a missing value is never 0', () => {
  it.each([null, NaN, Infinity])('%p', value => {
    expect(withUnit(energy(value))).toBe('–');
    expect(watts(value)).toBe('–');
    expect(wholePercent(value)).toBe('–');
    expect(money(value, 'EUR')[0]).toBe('–');
    expect(carbon(value)[0]).toBe('–');
  });

  it('but 0 is 0', () => {
    expect(withUnit(energy(0))).toBe(`0${THIN}J`);
  });
});

describe('the chosen unit is the largest used', () => {
  const written = (joules: number, choice: 'J' | 'Wh' | 'kWh'): string =>
    withUnit(energy(joules, null, null, choice)).replace(THIN, ' ');

  it('keeps joules', () => {
    expect(written(4100, 'J')).toBe('4,100 J');
    expect(written(2.5e6, 'J')).toBe('2,500,000 J');
    expect(written(0.0042, 'J')).toBe('4.2 mJ');
  });

  it('keeps watt-hours and uses a smaller unit for small figures', () => {
    expect(written(4100, 'Wh')).toBe('1.1 Wh');
    expect(written(3.6e6, 'Wh')).toBe('1,000 Wh');
    expect(written(12.4, 'Wh')).toBe('3.4 mWh');
    expect(written(0.004, 'Wh')).toBe('1.1 µWh');
    expect(written(150000, 'kWh')).toBe('0.042 kWh');
    expect(written(4100, 'kWh')).toBe('1.1 Wh');
  });

  it('selects one unit for a column that suits its smallest uncertainty', () => {
    const rows: [number, number][] = [
      [4100, 200],
      [0.8, 0.1]
    ];
    expect(unitOfColumn(rows).symbol).toBe('J');
    expect(unitOfColumn(rows, 'Wh').symbol).toBe('mWh');
    expect(unitOfColumn([[4100, 200]], 'Wh').symbol).toBe('Wh');
  });
});

describe('parts and changes', () => {
  it('formats a part with the decimals of its block', () => {
    const block = energy(4100, 200);
    expect(inBlock(3480, block)).toBe('3.5');
    expect(inBlock(120, block)).toBe('0.1');
    expect(inBlock(12, block)).toBe('0.01');
    expect(inBlock(0, block)).toBe('0.0');
  });

  it.each([
    [-0.384, '−38'],
    [0.27, '+27'],
    [0.0042, '+0.4'],
    [-0.9996, '−99'],
    [1.27, '+130'],
    [11.9, '+1,200']
  ])('%p', (ratio, text) => {
    expect(percentChange(ratio)).toBe(`${text}${THIN}%`);
  });

  it('accepts extreme figures', () => {
    expect(fixed(1e300, 0)).toBe('1e300');
    expect(fixed(-1e-300, 2)).toBe('−1e−300');
    expect(withUnit(energy(1e300, 1e299)).length).toBeLessThan(20);
  });
});
