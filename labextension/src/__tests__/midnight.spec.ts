import { Signal } from '@lumino/signaling';
import { EnergyState, type ISources } from '../state/state';
import type { IFigure, ISnapshot } from '../tokens';
import { figure, totals } from './sample';

const at = (text: string): number => new Date(text).getTime();

/** A page with one notebook whose idle kernel sent this snapshot. */
function page(snapshot: Partial<ISnapshot>, others: () => IFigure | null) {
  const owner = {};
  const signal = () => new Signal<object, never>(owner);
  const notebook = { changed: signal(), path: 'a.ipynb', ids: () => [] };
  const kernelState = {
    connection: { comm: { status: 'idle' }, lost: false, metered: true },
    run: {
      snapshot: { phase: 'idle', today: null, ...snapshot },
      arrived: 0,
      power: { points: [] },
      keys: () => []
    }
  };
  const markStale = jest.fn();
  const sources = {
    notebooks: {
      ...{ opened: signal(), closed: signal(), currentChanged: signal() },
      ...{ layoutChanged: signal(), all: [], current: notebook }
    },
    kernels: { changed: signal(), of: () => kernelState },
    ledgerHistory: {
      changed: signal(),
      follow: () => undefined,
      markStale,
      get others() {
        return others();
      }
    },
    settings: () => ({ refreshSeconds: 1 }),
    clock: {
      now: () => Date.now(),
      frame: (call: () => void) => void setTimeout(call, 16),
      later: (call: () => void, wait: number) => void setTimeout(call, wait)
    }
  } as unknown as ISources;
  const state = new EnergyState(sources);
  const drawn: (number | null | undefined)[] = [];
  state.changed.connect(() => drawn.push(state.state.today?.joules ?? null));
  return { state, drawn, markStale };
}

describe('midnight', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    jest.setSystemTime(at('2026-11-25T23:50:00'));
  });
  afterEach(() => jest.useRealTimers());

  const yesterday = {
    sent_at: at('2026-11-25T23:49:00') / 1000,
    today: figure(52, 3),
    totals: totals(figure(42, 2), {
      began_at: at('2026-11-25T23:00:00') / 1000
    })
  };

  it('redraws an idle page, whose run has used nothing of the new day', () => {
    const today = at('2026-11-26T00:00:00');
    const { state, drawn, markStale } = page(yesterday, () =>
      Date.now() < today ? figure(10, 1) : null
    );
    expect(state.state.today?.joules).toBe(52);
    jest.advanceTimersByTime(9 * 60_000);
    expect(markStale).not.toHaveBeenCalled();
    jest.advanceTimersByTime(61_000);
    expect(markStale).toHaveBeenCalledTimes(1);
    expect(state.state.today).toBeNull();
    expect(drawn[drawn.length - 1]).toBeNull();
    const count = drawn.length;
    jest.advanceTimersByTime(23 * 3600_000);
    expect(drawn).toHaveLength(count);
  });

  it('is noticed by a page whose computer slept', () => {
    const { state, markStale } = page(yesterday, () => null);
    expect(state.state.today?.joules).toBe(42);
    jest.setSystemTime(at('2026-11-26T08:30:00'));
    jest.advanceTimersByTime(60_000);
    expect(markStale).toHaveBeenCalledTimes(1);
    expect(state.state.today).toBeNull();
  });

  it('leaves to the kernel what its cell used on each side of it', () => {
    const { state } = page(
      { ...yesterday, phase: 'busy', today: figure(5, 1) },
      () => figure(10, 1)
    );
    jest.setSystemTime(at('2026-11-26T00:05:00'));
    jest.advanceTimersByTime(60_000);
    expect(state.state.today?.joules).toBe(5);
  });
});
