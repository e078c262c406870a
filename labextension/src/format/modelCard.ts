/**
 * The YAML front matter of a model card that states its CO2e, in the format that model hubs read.
 *
 * Programs read the figure without its ±. It is therefore written only for a final figure without simulated parts that
 * is more than an upper bound, and only where a region is set.
 */
import { fixed, isKnown, decimalsFor } from './decimal';
import { singleLine } from './sanitize';
import type { IFigure } from '../tokens';
import type { Messages } from './messages';

const DIGITS = 3;

/** Put the front matter before a model card's text, where there is one. */
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

/** Grams in a form that every YAML parser reads as a number. */
function yamlNumber(grams: number): string {
  return fixed(grams, decimalsFor(grams, DIGITS)).replace(/,/g, '');
}

/** A JSON string is a valid YAML string. */
function yamlString(text: string): string {
  return JSON.stringify(text.replace(/\u202f/g, ' '));
}
