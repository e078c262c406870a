/**
 * The text of the status bar: watts while a cell runs, and the current notebook's total.
 *
 * Figures and symbols are those of the panel; empty where nothing is metered.
 */
import { isKnown, watts } from '../format/quantities';
import { keepsFigures } from '../state/status';
import type { IState } from '../tokens';
import type { Messages } from '../format/messages';

export interface IStatusText {
  /** Empty while nothing runs. */
  watts: string;
  total: string;
  /** The full sentence, for the tooltip and screen readers. */
  sentence: string;
}

/** The text to show; null where there is none. */
export function statusText(
  messages: Messages,
  state: IState
): IStatusText | null {
  const { trans } = messages;
  const figure = state.totals?.figure;
  if (figure === undefined || !keepsFigures(state)) {
    return null;
  }
  const live = state.status.kind === 'live' && isKnown(state.watts);
  const sign = (state.wattsQuality ?? 'estimated') === 'estimated' ? '~' : '';
  const now = live ? `${sign}${watts(state.watts)}` : '';
  const reading = state.busy
    ? messages.soFar(figure)
    : messages.reading(figure);
  const total = messages.text({ ...reading, suffix: '' });
  const simulated = figure.quality === 'simulated';
  const name = (state.notebook ?? '').split('/').pop() ?? '';
  const totalText = `${messages.text(reading)}, ${messages.provenance(figure)}`;
  const sentence = [
    name === ''
      ? trans.__('Energy: %1.', totalText)
      : trans.__('Energy of %1: %2.', name, totalText),
    now === ''
      ? ''
      : trans.__(
          'Now %1, %2.',
          now,
          messages.quality(state.wattsQuality ?? 'estimated')
        ),
    state.status.kind === 'stale'
      ? trans.__('No message from the kernel for a while.')
      : '',
    trans.__('Click to show the panel.')
  ];
  return {
    watts: now,
    total: simulated ? `${total} ${trans.__('simulated')}` : total,
    sentence: sentence.filter(each => each !== '').join(' ')
  };
}
