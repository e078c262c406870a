/**
 * What the status bar says of the notebook in front: watts while something runs, and the total.
 *
 * The same figures as in the panel, with the same signs; nothing where nothing is metered.
 */
import { known, watts } from '../format/quantities';
import { keepsFigures } from '../state/status';
import type { IState } from '../tokens';
import type { Words } from '../format/messages';

export interface IIndicator {
  /** Empty while nothing runs. */
  watts: string;
  total: string;
  /** The whole sentence, for who points at it or listens. */
  sentence: string;
}

/** What to show; null where there is nothing to. */
export function indicator(words: Words, state: IState): IIndicator | null {
  const { trans } = words;
  const figure = state.totals?.figure;
  if (figure === undefined || !keepsFigures(state)) {
    return null;
  }
  const live = state.status.kind === 'live' && known(state.watts);
  const about = (state.wattsQuality ?? 'estimated') === 'estimated' ? '~' : '';
  const now = live ? `${about}${watts(state.watts)}` : '';
  const reading = state.busy ? words.soFar(figure) : words.reading(figure);
  const total = words.text({ ...reading, doubt: '' });
  const simulated = figure.quality === 'simulated';
  const name = (state.notebook ?? '').split('/').pop() ?? '';
  const sure = `${words.text(reading)}, ${words.standing(figure)}`;
  const sentence = [
    name === ''
      ? trans.__('Energy: %1.', sure)
      : trans.__('Energy of %1: %2.', name, sure),
    now === ''
      ? ''
      : trans.__(
          'Now %1, %2.',
          now,
          words.quality(state.wattsQuality ?? 'estimated')
        ),
    state.status.kind === 'stale'
      ? trans.__('The kernel has said nothing for a while.')
      : '',
    trans.__('Click to show the panel.')
  ];
  return {
    watts: now,
    total: simulated ? `${total} ${trans.__('simulated')}` : total,
    sentence: sentence.filter(each => each !== '').join(' ')
  };
}
