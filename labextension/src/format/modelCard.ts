/**
 * The block of a model card's head that names its CO2e, in the form that model hubs read.
 *
 * Machines take it for what it says, without its ±. So it is written only for a final figure that no simulated device
 * is part of and that is more than an upper bound; the grams are those of a region that a person named.
 */
import { fixed, isKnown, decimalsFor } from './decimal';
import { singleLine } from './sanitize';
import type { IFigure } from '../tokens';
import type { Messages } from './messages';

const DIGITS = 3;

/** A model card's text, with that block before it where there is one. */
export function withEmissions(
  messages: Messages,
  figure: IFigure,
  details: { source: string; devices: readonly string[] },
  text: string
): string {
  const grams = figure.co2e_grams;
  if (
    !isKnown(grams) ||
    !(grams > 0) ||
    !isKnown(figure.joules) ||
    figure.quality === 'simulated' ||
    figure.below_resolution
  ) {
    return text;
  }
  const energyText = `${messages.figure(figure)} ${messages.provenance(figure)}`;
  const source = ['jupyter_green', energyText, details.source];
  const devices = [...new Set(details.devices)].map(each =>
    singleLine(each, 80)
  );
  const block = [
    '---',
    'co2_eq_emissions:',
    `  emissions: ${yamlNumber(grams)}`,
    `  source: ${yamlString(source.filter(each => each !== '').join(', '))}`,
    ...(devices.length > 0
      ? [`  hardware_used: ${yamlString(devices.join(', '))}`]
      : []),
    '---',
    ''
  ];
  return `${block.join('\n')}\n${text}`;
}

/** Grams as every reader of YAML takes them for a number. */
function yamlNumber(grams: number): string {
  return fixed(grams, decimalsFor(grams, DIGITS)).replace(/,/g, '');
}

/** YAML's double quotes hold what JSON's do. */
function yamlString(text: string): string {
  return JSON.stringify(text.replace(/\u202f/g, ' '));
}
