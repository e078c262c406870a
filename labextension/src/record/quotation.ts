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
import { clipped, deviceName } from './name';
import { mismatchText } from './powerMismatch';

const MOST_NAMED = 2;

/** What a figure must not be read without where there is no place below its sentence; the kernel says the same. */
function noted(words: Words, record: IRecord, said: string): string[] {
  const notes = record.notes
    .map(note => clipped(note, 300))
    .filter(note => note !== '' && !said.includes(told([[note]])));
  const doubts = read(record.components).flatMap(each => {
    const found = each.power_mismatch;
    return found
      ? [`${deviceName(words, each)}: ${mismatchText(words, found)}`]
      : [];
  });
  const more = doubts.length - MOST_NAMED;
  return [
    ...new Set(notes),
    ...doubts.slice(0, MOST_NAMED),
    ...(more > 0 ? [words.trans.__('%1 more likewise', more)] : [])
  ];
}

/** One line for a chat. */
export function message(words: Words, record: IRecord): string {
  const said = clauses(words, record);
  const notes = record.final ? noted(words, record, told(said)) : [];
  return `${code(record.label ?? '')}${told([...said, ...notes.map(note => [note])])}`;
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
          source: line(record.co2e_source ?? '', 400),
          devices: read(record.components).map(each => deviceName(words, each))
        },
        text
      )
    : text;
}
