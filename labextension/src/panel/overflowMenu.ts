/**
 * What is rarely wanted, behind the three dots.
 */
import { card, message } from '../format/shareText';
import type { ISettings } from '../tokens';
import type { IDesk } from './panelContext';
import type { IItem } from './menu';

export function rare(
  desk: IDesk,
  settings: ISettings,
  onRuns: () => void,
  onBudget: () => void
): IItem[] {
  const { state, words, actions, ask, choose, copy } = desk;
  const { trans } = words;
  const { totals } = state;
  const names: Record<ISettings['unit'], string> = {
    auto: trans.__('Joules, kilojoules …'),
    J: trans.__('Joules'),
    Wh: trans.__('Watt-hours'),
    kWh: trans.__('Kilowatt-hours')
  };
  const units = (['auto', 'J', 'Wh', 'kWh'] as const).map(unit => ({
    label: names[unit],
    checked: settings.unit === unit,
    action: () => choose('unit', unit)
  }));
  const live = state.status.kind === 'live' && totals !== null;
  return [
    ...units,
    ...(live
      ? [
          {
            label: trans.__('Set this run as baseline'),
            action: () => ask(() => actions.setBaseline(null)),
            apart: true
          }
        ]
      : []),
    {
      label: trans.__('Choose a baseline…'),
      action: onRuns,
      apart: !live
    },
    ...(live ? [{ label: trans.__('Set a budget…'), action: onBudget }] : []),
    ...(totals
      ? [
          {
            label: trans.__('Copy the total for a message'),
            action: () => copy(message(words, state, totals)),
            apart: true
          },
          {
            label: trans.__('Copy the total for a model card'),
            action: () => copy(card(words, state, totals))
          }
        ]
      : []),
    {
      label: trans.__('Export report'),
      action: () => ask(() => actions.exportReport()),
      apart: true
    },
    {
      label: trans.__('Open the doctor'),
      action: () => ask(() => actions.openDoctor())
    }
  ];
}
