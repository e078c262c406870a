/**
 * The total in a few lines for others to read: a message, a model card. Provenance goes with the figure.
 */
import { withEmissions } from './modelCard';
import {
  THIN,
  bends,
  carbon,
  change,
  energy,
  fixed,
  head,
  known,
  seconds,
  type IAmount
} from './quantities';
import { line } from './sanitize';
import type { IState, ITotals } from '../tokens';
import type { Words } from './messages';

function plain(text: string): string {
  return text.replace(/\u202f/g, ' ');
}

/** Text that a chat or Markdown would take for marks, taken for itself. */
function literal(text: string): string {
  return text.replace(/[\\`*_{}[\]<>~|#&]/g, mark => `\\${mark}`);
}

function against(words: Words, state: IState, totals: ITotals): string {
  const { trans } = words;
  const found = totals.against;
  if (found === null || state.baseline === null || totals.compared === 0) {
    return '';
  }
  const name = words.baseline(state.baseline);
  if (words.timed(found) && known(found.ratio)) {
    if (words.proven(found)) {
      return trans._n(
        'CPU time %2 against %3 on the %1 cell both runs finished',
        'CPU time %2 against %3 on the %1 cells both runs finished',
        totals.compared,
        totals.compared,
        change(found.ratio),
        name
      );
    }
    return found.reason === null
      ? trans.__('no proven difference in CPU time from %1', name)
      : trans.__(
          'CPU time %1 against %2, not proven: one run beside one on a busy machine',
          change(found.ratio),
          name
        );
  }
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

/** A name as chats and Markdown leave it alone. */
function code(name: string): string {
  const clean = line(name, 80).replace(/`/g, "'");
  return clean === '' ? '' : `\`${clean}\`: `;
}

/** A part of a block at the block's digit; one that this would bend by a tenth keeps digits of its own. */
function part(words: Words, joules: number, block: IAmount): string {
  const { unit, decimals } = block;
  const value = joules / unit.joules;
  const written = fixed(value, decimals);
  return joules !== 0 &&
    (bends(Math.abs(value), decimals, 0.1) || !/[1-9]/.test(written))
    ? head(energy(joules, null, null, words.choice))
    : `${written}${THIN}${unit.symbol}`;
}

/** What each kind of device used, the devices, how many cells and how long: as the kernel's own message has them. */
function beside(words: Words, state: IState, totals: ITotals): string {
  const { trans } = words;
  const { figure, parts, cells } = totals;
  const block = energy(figure.joules, figure.uncertainty, null, words.choice);
  const kinds = parts.flatMap(({ kind, joules, quality }) => {
    const boards = state.devices.filter(each => each.kind === kind).length;
    const name =
      boards > 1
        ? trans.__('%1 %2s', boards, words.kind(kind))
        : words.kind(kind);
    return known(joules)
      ? [`${name} ${words.quality(quality)} ${part(words, joules, block)}`]
      : [];
  });
  const names = state.devices.map(each => line(each.device, 80));
  const [grams, unit] = carbon(figure.co2e_grams ?? null);
  return [
    ...kinds,
    [...new Set(names)].join(', '),
    `${trans._n('%1 cell', '%1 cells', cells, cells)}, ${seconds(totals.seconds)}`,
    known(figure.co2e_grams) ? `${grams}${THIN}${unit} CO₂e` : ''
  ]
    .filter(each => each !== '')
    .join(' · ');
}

/** Two lines for a chat: "`sentiment.ipynb`: 4.1 kJ ± 0.2, 85 % measured · −29 % against “before” …". */
export function message(words: Words, state: IState, totals: ITotals): string {
  const name = (state.notebook ?? '').split('/').pop() ?? '';
  const figure = totals.figure;
  const parts = [
    `${words.figure(figure)}, ${words.standing(figure)}`,
    against(words, state, totals)
  ].filter(part => part !== '');
  return plain(
    `${code(name)}${parts.join(' · ')}\n${beside(words, state, totals)}`
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
  // What was not read, or only up to a kernel's end, is in no figure that machines take for what it says.
  const devices = state.devices
    .filter(each =>
      totals.parts.some(part => part.kind === each.kind && known(part.joules))
    )
    .map(each => each.device);
  return state.busy || state.cells.some(cell => cell.status === 'killed')
    ? text
    : withEmissions(
        words,
        figure,
        { source: line(totals.co2e_source ?? '', 400), devices },
        text
      );
}
