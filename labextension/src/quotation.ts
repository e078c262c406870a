/**
 * The total in a few lines for others to read: a message, a model card. Provenance goes with the figure.
 */
import { withEmissions } from './emissions';
import { carbon, change, head, energy, known } from './format';
import type { IState, ITotals } from './tokens';
import type { Words } from './words';

function plain(text: string): string {
  return text.replace(/\u202f/g, ' ');
}

/** Text that a chat or Markdown would take for marks, taken for itself. */
export function literal(text: string): string {
  return text.replace(/[\\`*_{}[\]<>~|#&]/g, mark => `\\${mark}`);
}

function against(words: Words, state: IState, totals: ITotals): string {
  const { trans } = words;
  const found = totals.against;
  if (found === null || state.baseline === null || totals.compared === 0) {
    return '';
  }
  const name = words.baseline(state.baseline);
  if (words.proven(found) && known(found.ratio)) {
    return trans._n(
      '%2 against %3 on the %1 cell both runs finished',
      '%2 against %3 on the %1 cells both runs finished',
      totals.compared,
      totals.compared,
      change(found.ratio),
      name
    );
  }
  return found.verdict === 'unproven'
    ? trans.__('no proven difference from %1', name)
    : '';
}

/** One line for a chat: "sentiment.ipynb: 4.1 kJ ± 0.2, 85 % measured · −29 % against “before” …". */
export function message(words: Words, state: IState, totals: ITotals): string {
  const name = (state.notebook ?? '').split('/').pop() ?? '';
  const figure = totals.figure;
  const parts = [
    `${words.figure(figure)}, ${words.standing(figure)}`,
    against(words, state, totals)
  ].filter(part => part !== '');
  return plain(
    `${name ? `\`${name.replace(/`/g, "'")}\`: ` : ''}${parts.join(' · ')}`
  );
}

/** A section for a model card, in Markdown. */
export function card(words: Words, state: IState, totals: ITotals): string {
  const { trans } = words;
  const figure = totals.figure;
  const [grams, unit] = carbon(figure.co2e_grams ?? null);
  const hours = energy(figure.joules, figure.uncertainty, null, 'kWh');
  const lines = [
    `## ${trans.__('Energy')}`,
    '',
    `- ${trans.__('Energy')}: ${words.figure(figure)} (${head(hours)}), ${words.standing(figure)}; ${trans.__('± is the half-width of the 95 % interval')}`,
    ...totals.parts
      .filter(part => known(part.joules))
      .map(part => `- ${words.devices([part])}`),
    ...(known(figure.co2e_grams) ? [`- CO₂e: ${grams} ${unit}`] : []),
    ...state.devices.map(
      device =>
        `- ${trans.__('Device')}: ${literal(device.device)}, ${words.quality(device.quality)}`
    ),
    `- ${trans.__('Metered with')} jupyter_green`
  ];
  const text = plain(lines.join('\n'));
  const devices = state.devices.map(each => each.device);
  return state.busy
    ? text
    : withEmissions(words, figure, { source: '', devices }, text);
}
