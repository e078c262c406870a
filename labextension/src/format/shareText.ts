/**
 * The total as text to share: for a chat or a model card. The quality of the figure is always stated.
 */
import { withEmissions } from './modelCard';
import {
  THIN,
  roundingExceeds,
  carbon,
  percentChange,
  energy,
  fixed,
  withUnit,
  isKnown,
  seconds,
  type IAmount
} from './quantities';
import { singleLine } from './sanitize';
import type { IState, ITotals } from '../tokens';
import type { Messages } from './messages';

function plainSpaces(text: string): string {
  return text.replace(/\u202f/g, ' ');
}

/** Escape Markdown. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]<>~|#&]/g, mark => `\\${mark}`);
}

function comparisonText(
  messages: Messages,
  state: IState,
  totals: ITotals
): string {
  const { trans } = messages;
  const comparison = totals.against;
  if (comparison === null || state.baseline === null || totals.compared === 0) {
    return '';
  }
  const name = messages.baseline(state.baseline);
  if (messages.comparesCpuTime(comparison) && isKnown(comparison.ratio)) {
    if (messages.isProven(comparison)) {
      return trans._n(
        'CPU time %2 against %3 on the %1 cell both runs finished',
        'CPU time %2 against %3 on the %1 cells both runs finished',
        totals.compared,
        totals.compared,
        percentChange(comparison.ratio),
        name
      );
    }
    return comparison.reason === null
      ? trans.__('no proven difference in CPU time from %1', name)
      : trans.__(
          'CPU time %1 against %2, not proven: one run each on a busy machine',
          percentChange(comparison.ratio),
          name
        );
  }
  if (messages.isProven(comparison) && isKnown(comparison.ratio)) {
    return trans._n(
      '%2 against %3 on the %1 cell both runs finished',
      '%2 against %3 on the %1 cells both runs finished',
      totals.compared,
      totals.compared,
      percentChange(comparison.ratio),
      name
    );
  }
  return comparison.verdict === 'unproven'
    ? trans.__('no proven difference from %1', name)
    : '';
}

/** A name as inline code. */
function inlineCode(name: string): string {
  const clean = singleLine(name, 80).replace(/`/g, "'");
  return clean === '' ? '' : `\`${clean}\`: `;
}

/** Format a part with the block's decimals, or with its own where rounding would change it by a tenth. */
function partAmount(
  messages: Messages,
  joules: number,
  block: IAmount
): string {
  const { unit, decimals } = block;
  const value = joules / unit.joules;
  const rounded = fixed(value, decimals);
  return joules !== 0 &&
    (roundingExceeds(Math.abs(value), decimals, 0.1) || !/[1-9]/.test(rounded))
    ? withUnit(energy(joules, null, null, messages.choice))
    : `${rounded}${THIN}${unit.symbol}`;
}

/** Energy per device kind, devices, number of cells and duration, as in the kernel's own message. */
function detailLine(
  messages: Messages,
  state: IState,
  totals: ITotals
): string {
  const { trans } = messages;
  const { figure, parts, cells } = totals;
  const block = energy(
    figure.joules,
    figure.uncertainty,
    null,
    messages.choice
  );
  const kinds = parts.flatMap(({ kind, joules, quality }) => {
    const count = state.devices.filter(each => each.kind === kind).length;
    const name =
      count > 1
        ? trans.__('%1 %2s', count, messages.kind(kind))
        : messages.kind(kind);
    return isKnown(joules)
      ? [
          `${name} ${messages.quality(quality)} ${partAmount(messages, joules, block)}`
        ]
      : [];
  });
  const names = state.devices.map(each => singleLine(each.device, 80));
  const [grams, unit] = carbon(figure.co2e_grams ?? null);
  return [
    ...kinds,
    [...new Set(names)].join(', '),
    `${trans._n('%1 cell', '%1 cells', cells, cells)}, ${seconds(totals.seconds)}`,
    isKnown(figure.co2e_grams) ? `${grams}${THIN}${unit} CO₂e` : ''
  ]
    .filter(each => each !== '')
    .join(' · ');
}

/** Two lines for a chat: "`sentiment.ipynb`: 4.1 kJ ± 0.2, 85 % measured · −29 % against “before” …". */
export function chatMessage(
  messages: Messages,
  state: IState,
  totals: ITotals
): string {
  const name = (state.notebook ?? '').split('/').pop() ?? '';
  const figure = totals.figure;
  const parts = [
    `${messages.figure(figure)}, ${messages.provenance(figure)}`,
    comparisonText(messages, state, totals)
  ].filter(part => part !== '');
  return plainSpaces(
    `${inlineCode(name)}${parts.join(' · ')}\n${detailLine(messages, state, totals)}`
  );
}

/** A section for a model card, in Markdown. */
export function modelCardSection(
  messages: Messages,
  state: IState,
  totals: ITotals
): string {
  const { trans } = messages;
  const figure = totals.figure;
  const [grams, unit] = carbon(figure.co2e_grams ?? null);
  const hours = energy(figure.joules, figure.uncertainty, null, 'kWh');
  const lines = [
    `## ${trans.__('Energy')}`,
    '',
    `- ${trans.__('Energy')}: ${messages.figure(figure)} (${withUnit(hours)}), ${messages.provenance(figure)}; ${trans.__('± is the half-width of the 95 % interval')}`,
    ...totals.parts
      .filter(part => isKnown(part.joules))
      .map(part => `- ${messages.devices([part])}`),
    ...(isKnown(figure.co2e_grams) ? [`- CO₂e: ${grams} ${unit}`] : []),
    ...state.devices.map(
      device =>
        `- ${trans.__('Device')}: ${escapeMarkdown(device.device)}, ${messages.quality(device.quality)}`
    ),
    `- ${trans.__('Metered with')} jupyter_green`
  ];
  const text = plainSpaces(lines.join('\n'));
  // Only devices that were read are named. Where a kernel was killed the total is incomplete and gets no front matter.
  const devices = state.devices
    .filter(each =>
      totals.parts.some(part => part.kind === each.kind && isKnown(part.joules))
    )
    .map(each => each.device);
  return state.busy || state.cells.some(cell => cell.status === 'killed')
    ? text
    : withEmissions(
        messages,
        figure,
        { source: singleLine(totals.co2e_source ?? '', 400), devices },
        text
      );
}
