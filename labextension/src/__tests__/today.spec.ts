import { todays } from '../today';
import { figure } from './sample';

describe('today', () => {
  const own = figure(42, 2);

  it('is what the kernel tells', () => {
    const told = figure(50, 3);
    expect(todays(told, figure(10, 1), own)).toBe(told);
    const later = figure(90, 5); // another notebook has used more since the kernel asked
    expect(todays(told, later, own)).toBe(later);
  });

  it('is never less than what this notebook used of it', () => {
    const least = { ...own, least: true };
    expect(todays(null, figure(10, 1), own)).toEqual(least);
    expect(todays(null, figure(null), own)).toEqual(least);
    expect(todays(null, null, own)).toEqual(least);
    const enough = figure(43, 2);
    expect(todays(null, enough, own)).toBe(enough);
  });

  it('is the ledger’s where this notebook has used nothing that is known', () => {
    const ledgers = figure(10, 1);
    expect(todays(undefined, ledgers, undefined)).toBe(ledgers);
    expect(todays(null, ledgers, figure(null))).toBe(ledgers);
    expect(todays(null, null, null)).toBeNull();
    const bound = figure(0.3, 0.5, { below_resolution: true });
    expect(todays(null, null, bound)).toBeNull();
  });

  it('compares no simulated joules with real ones', () => {
    const real = figure(10, 1);
    const simulated = { ...own, quality: 'simulated' } as const;
    expect(todays(null, real, simulated)).toBe(real);
  });
});
