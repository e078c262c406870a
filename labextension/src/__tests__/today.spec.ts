import { todays } from '../ledger/today';
import { figure } from './sample';

describe('today', () => {
  const own = figure(42, 2);
  const told = figure(50, 3);

  it('is what the ledger tells of the others and the kernel of its own', () => {
    // Whatever the kernel heard of the others a minute ago.
    for (const each of [told, null, figure(900, 3)]) {
      expect(todays(each, figure(10, 1), own)).toMatchObject({
        joules: 52,
        uncertainty: 3,
        quality: own.quality
      });
    }
    expect(todays(told, null, own)).toEqual(own);
    expect(todays(told, figure(10, null), own)?.uncertainty).toBeNull();
  });

  it('is the kernel’s sum where the ledger has not told the page', () => {
    expect(todays(told, undefined, own)).toBe(told);
    expect(todays(null, undefined, own)).toEqual({ ...own, least: true });
    expect(todays(null, undefined, null)).toBeNull();
  });

  it('is the kernel’s sum where the run began before today', () => {
    expect(todays(told, figure(10, 1), null)).toBe(told);
    expect(todays(null, figure(10, 1), null)).toBeNull();
  });

  it('is the others’ where this notebook has used nothing that is known', () => {
    const others = figure(10, 1);
    const bound = figure(0.3, 0.5, { below_resolution: true });
    expect(todays(null, others, figure(null))).toBe(others);
    expect(todays(null, others, bound)).toBe(others);
    expect(todays(null, null, bound)).toBeNull();
  });

  it('adds no simulated joules to real ones', () => {
    const real = figure(10, 1);
    const simulated = { ...own, quality: 'simulated' } as const;
    expect(todays(null, real, simulated)).toBe(real);
    expect(todays(null, simulated, real)).toEqual(real);
  });
});
