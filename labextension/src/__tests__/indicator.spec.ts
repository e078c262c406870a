import { statusText } from '../statusbar/statusText';
import type { IState, ITotals } from '../tokens';
import { Messages } from '../format/messages';
import { figure, state, totals, trans } from './sample';

const words = new Messages(trans);
const shown = (more: Partial<IState>, sums: Partial<ITotals> = {}) => {
  const found = statusText(
    words,
    state({ totals: totals(figure(4100, 200), sums), ...more })
  );
  return (
    found && {
      watts: found.watts.replace(/\u202f/g, ' '),
      total: found.total.replace(/\u202f/g, ' '),
      sentence: found.sentence.replace(/\u202f/g, ' ')
    }
  );
};

it('says watts while something runs, the total, and a sentence', () => {
  expect(shown({ busy: true, watts: 24.2, wattsQuality: 'measured' })).toEqual({
    watts: '24 W',
    total: '4.1 kJ',
    sentence:
      'Energy of sentiment.ipynb: 4.1 kJ so far, measured. Now 24 W, measured. Click to show the panel.'
  });
});

it('says no watts while nothing runs, and marks what is estimated', () => {
  const estimated = figure(92, 37, {
    quality: 'estimated',
    measured_share: 0
  });
  expect(shown({}, { figure: estimated })).toMatchObject({
    watts: '',
    total: '~90 J'
  });
  expect(
    shown({ watts: 24.2, wattsQuality: 'estimated' }, { figure: estimated })
      ?.watts
  ).toBe('~24 W');
});

it('never shows a simulated total without the word', () => {
  const simulated = figure(41, 2, { quality: 'simulated' });
  expect(shown({}, { figure: simulated })?.total).toBe('41 J simulated');
});

it('keeps the total but no watts when the kernel has gone silent', () => {
  const stale = { kind: 'stale', seconds: 12, since: 0 } as const;
  const found = shown({ status: stale, watts: 24, wattsQuality: 'measured' });
  expect(found).toMatchObject({ watts: '', total: '4.1 kJ' });
  expect(found?.sentence).toContain('said nothing for a while');
});

it('is nothing where nothing is metered', () => {
  expect(statusText(words, state())).toBeNull();
  expect(shown({ status: { kind: 'not-loaded' } })).toBeNull();
  expect(shown({ status: { kind: 'no-notebook' } })).toBeNull();
});
