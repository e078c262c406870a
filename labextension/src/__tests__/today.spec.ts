import { todayTotal } from '../ledger/today';
import { figure } from './sample';

describe('today', () => {
  const own = figure(42, 2);
  const kernelTotal = figure(50, 3);

  it('adds the others from the ledger and the own total from the kernel', () => {
    // Whatever the kernel's total of the others was a minute ago.
    for (const each of [kernelTotal, null, figure(900, 3)]) {
      expect(todayTotal(each, figure(10, 1), own)).toMatchObject({
        joules: 52,
        uncertainty: 3,
        quality: own.quality
      });
    }
    expect(todayTotal(kernelTotal, null, own)).toEqual(own);
    expect(
      todayTotal(kernelTotal, figure(10, null), own)?.uncertainty
    ).toBeNull();
  });

  it('is the kernel’s total where the ledger’s is not known', () => {
    expect(todayTotal(kernelTotal, undefined, own)).toBe(kernelTotal);
    expect(todayTotal(null, undefined, own)).toEqual({
      ...own,
      lowerBound: true
    });
    expect(todayTotal(null, undefined, undefined)).toBeNull();
  });

  it('is the kernel’s total where the run’s part of today is not known', () => {
    expect(todayTotal(kernelTotal, figure(10, 1), undefined)).toBe(kernelTotal);
    expect(todayTotal(null, figure(10, 1), undefined)).toBeNull();
  });

  it('is the others’ total where the run has used nothing today', () => {
    expect(todayTotal(null, figure(10, 1), null)).toEqual(figure(10, 1));
    expect(todayTotal(null, null, null)).toBeNull();
    expect(todayTotal(null, undefined, null)).toBeNull();
  });

  it('is the others’ total where this notebook has no known energy', () => {
    const others = figure(10, 1);
    const bound = figure(0.3, 0.5, { below_resolution: true });
    expect(todayTotal(null, others, figure(null))).toBe(others);
    expect(todayTotal(null, others, bound)).toBe(others);
    expect(todayTotal(null, null, bound)).toBeNull();
  });

  it('adds no simulated joules to real ones', () => {
    const real = figure(10, 1);
    const simulated = { ...own, quality: 'simulated' } as const;
    expect(todayTotal(null, real, simulated)).toBe(real);
    expect(todayTotal(null, simulated, real)).toEqual(real);
  });
});
