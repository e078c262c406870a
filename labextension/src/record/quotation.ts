/**
 * A record in a few lines for others to read: a message, a model card. Provenance goes with the figure.
 */
import { withEmissions } from '../emissions';
import { THIN, energy, head } from '../format';
import { line } from '../line';
import { code, literal } from '../quotation';
import type { Words } from '../words';
import { clauses, told } from './clause';
import { figureOf, read, type IRecord } from './energy';
import { deviceName } from './name';

/** One line for a chat. */
export function message(words: Words, record: IRecord): string {
  return `${code(record.label ?? '')}${told(clauses(words, record))}`;
}

/** A section for a model card, in Markdown. */
export function card(words: Words, record: IRecord): string {
  const { trans } = words;
  const figure = figureOf(record.components, record);
  const hours = energy(figure.joules, figure.uncertainty, null, 'kWh');
  const lines = [
    `## ${trans.__('Energy')}`,
    '',
    `- ${literal(message(words, record))} (${head(hours).replace(THIN, ' ')})`,
    `- ${trans.__('± is the half-width of the 95 % interval')}`,
    ...record.components.map(
      each =>
        `- ${trans.__('Device')}: ${literal(deviceName(words, each))}, ${
          each.joules === null
            ? trans.__('no reading')
            : words.quality(each.quality)
        }`
    ),
    `- ${trans.__('Metered with')} jupyter_green`
  ];
  const text = lines.join('\n');
  return record.final && record.status !== 'killed'
    ? withEmissions(
        words,
        figure,
        {
          source: line(record.co2e_source ?? ''),
          devices: read(record.components).map(each => each.device)
        },
        text
      )
    : text;
}
