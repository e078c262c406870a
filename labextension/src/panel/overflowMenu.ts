/**
 * The items of the overflow menu.
 */
import { modelCardSection, chatMessage } from '../format/shareText';
import type { ISettings } from '../tokens';
import type { IPanelContext } from './panelContext';
import type { IItem } from './menu';

export function overflowItems(
  context: IPanelContext,
  settings: ISettings,
  onRuns: () => void,
  onBudget: () => void
): IItem[] {
  const { state, messages, actions, perform, choose, copy } = context;
  const { trans } = messages;
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
            action: () => perform(() => actions.setBaseline(null)),
            separated: true
          }
        ]
      : []),
    {
      label: trans.__('Choose a baseline…'),
      action: onRuns,
      separated: !live
    },
    ...(live ? [{ label: trans.__('Set a budget…'), action: onBudget }] : []),
    ...(totals
      ? [
          {
            label: trans.__('Copy the total for a message'),
            action: () => copy(chatMessage(messages, state, totals)),
            separated: true
          },
          {
            label: trans.__('Copy the total for a model card'),
            action: () => copy(modelCardSection(messages, state, totals))
          }
        ]
      : []),
    {
      label: trans.__('Export report'),
      action: () => perform(() => actions.exportReport()),
      separated: true
    },
    {
      label: trans.__('Open the doctor'),
      action: () => perform(() => actions.openDoctor())
    }
  ];
}
