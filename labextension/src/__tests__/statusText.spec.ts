import { statusText } from '../statusbar/statusText';
import type { IState, ITotals } from '../tokens';
import { Messages } from '../format/messages';
import { figure, state, totals, trans } from './sample';

const messages = new Messages(trans);
const textOf = (more: Partial<IState>, sums: Partial<ITotals> = {}) => {
  const status = statusText(
    messages,
    state({ totals: totals(figure(4100, 200), sums), ...more })
  );
  return (
    status && {
      watts: status.watts.replace(/\u202f/g, ' '),
      total: status.total.replace(/\u202f/g, ' '),
      sentence: status.sentence.replace(/\u202f/g, ' ')
    }
  );
};

it('shows watts while a cell runs, the total, and a sentence', () => {
  expect(textOf({ busy: true, watts: 24.2, wattsQuality: 'measured' })).toEqual(
    {
      watts: '24 W',
      total: '4.1 kJ',
      sentence:
        'Energy of sentiment.ipynb: 4.1 kJ so far, measured. Now 24 W, measured. Click to show the panel.'
    }
  );
});

it('shows no watts while nothing runs, and marks estimated figures', () => {
  const estimated = figure(92, 37, {
    quality: 'estimated',
    measured_share: 0
  });
  expect(textOf({}, { figure: estimated })).toMatchObject({
    watts: '',
    total: '~90 J'
  });
  expect(
    textOf({ watts: 24.2, wattsQuality: 'estimated' }, { figure: estimated })
      ?.watts
  ).toBe('~24 W');
});

it('always marks a simulated total', () => {
  const simulated = figure(41, 2, { quality: 'simulated' });
  expect(textOf({}, { figure: simulated })?.total).toBe('41 J simulated');
});

it('keeps the total but no watts when the kernel is silent', () => {
  const stale = { kind: 'stale', seconds: 12, since: 0 } as const;
  const status = textOf({ status: stale, watts: 24, wattsQuality: 'measured' });
  expect(status).toMatchObject({ watts: '', total: '4.1 kJ' });
  expect(status?.sentence).toContain('No message from the kernel');
});

it('is null where nothing is metered', () => {
  expect(statusText(messages, state())).toBeNull();
  expect(textOf({ status: { kind: 'not-loaded' } })).toBeNull();
  expect(textOf({ status: { kind: 'no-notebook' } })).toBeNull();
});
