/**
 * The block of a model card's head that names its CO2e, in the form that model hubs read.
 *
 * Machines take it for what it says, without its ±. So it is written only for a final figure that no simulated device
 * is part of and that is more than an upper bound; the grams are those of a region that a person named.
 */
import { fixed, known, places } from './decimal';
import { line } from './sanitize';
import type { IFigure } from '../tokens';
import type { Words } from './messages';

const DIGITS = 3;

/** A model card's text, with that block before it where there is one. */
export function withEmissions(
  words: Words,
  figure: IFigure,
  beside: { source: string; devices: readonly string[] },
  text: string
): string {
  const grams = figure.co2e_grams;
  if (
    !known(grams) ||
    !(grams > 0) ||
    !known(figure.joules) ||
    figure.quality === 'simulated' ||
    figure.below_resolution
  ) {
    return text;
  }
  const told = `${words.figure(figure)} ${words.standing(figure)}`;
  const source = ['jupyter_green', told, beside.source];
  const devices = [...new Set(beside.devices)].map(each => line(each, 80));
  const block = [
    '---',
    'co2_eq_emissions:',
    `  emissions: ${number(grams)}`,
    `  source: ${quoted(source.filter(each => each !== '').join(', '))}`,
    ...(devices.length > 0
      ? [`  hardware_used: ${quoted(devices.join(', '))}`]
      : []),
    '---',
    ''
  ];
  return `${block.join('\n')}\n${text}`;
}

/** Grams as every reader of YAML takes them for a number. */
function number(grams: number): string {
  return fixed(grams, places(grams, DIGITS)).replace(/,/g, '');
}

/** YAML's double quotes hold what JSON's do. */
function quoted(text: string): string {
  return JSON.stringify(text.replace(/\u202f/g, ' '));
}
