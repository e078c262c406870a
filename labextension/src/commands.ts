/**
 * The commands of the palette and the menus.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog, Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IAnswer, IEnergyModel, Status } from './tokens';

export namespace CommandIDs {
  export const start = 'jupyter-green:start';
  export const stop = 'jupyter-green:stop';
  export const setBaseline = 'jupyter-green:set-baseline';
  export const useBaseline = 'jupyter-green:use-baseline';
  export const clearBaseline = 'jupyter-green:clear-baseline';
  export const exportReport = 'jupyter-green:export-report';
  export const openDoctor = 'jupyter-green:open-doctor';
  export const showPanel = 'jupyter-green:show-panel';
  export const openInMain = 'jupyter-green:open-in-main';
}

/** Opens the panel. */
export interface IPanelLocations {
  /** In the side bar. */
  show(): void;
  /** In the main area. */
  open(): void;
  /** Whether the application has a main area for more than one document. */
  readonly hasMain: boolean;
}

/** Whether jupyter_green is loaded in the kernel. */
function isLoaded(kind: Status['kind']): boolean {
  return ['live', 'stale', 'off'].includes(kind);
}

function canStart(kind: Status['kind']): boolean {
  return ['not-loaded', 'not-installed', 'off'].includes(kind);
}

export function addCommands(
  { commands }: JupyterFrontEnd,
  model: IEnergyModel,
  locations: IPanelLocations,
  trans: TranslationBundle
): void {
  const kind = (): Status['kind'] => model.state.status.kind;
  commands.addCommand(CommandIDs.start, {
    label: trans.__('Start metering'),
    caption: trans.__('Run %load_ext jupyter_green in the notebook’s kernel'),
    isEnabled: () => canStart(kind()),
    execute: async () => model.startMetering()
  });
  commands.addCommand(CommandIDs.stop, {
    label: trans.__('Stop metering'),
    caption: trans.__('Meter no further cells in this kernel'),
    isEnabled: () => ['live', 'stale'].includes(kind()),
    execute: async () => model.stopMetering()
  });
  commands.addCommand(CommandIDs.setBaseline, {
    label: trans.__('Set this run as baseline…'),
    isEnabled: () => isLoaded(kind()) && model.state.totals !== null,
    execute: async () => {
      const name = await InputDialog.getText({
        title: trans.__('Keep this run as a baseline'),
        label: trans.__('Name'),
        placeholder: trans.__('before')
      });
      if (name.button.accept) {
        const chosen = name.value?.trim() ?? '';
        showAnswer(await model.setBaseline(chosen === '' ? null : chosen));
      }
    }
  });
  commands.addCommand(CommandIDs.useBaseline, {
    label: trans.__('Compare with a baseline…'),
    isEnabled: () => isLoaded(kind()),
    execute: async () => {
      const named = model.state.baselines.map(each => each.name ?? '');
      const name = await InputDialog.getItem({
        title: trans.__('Compare with'),
        label: trans.__('A name, last, median, or a file'),
        items: [...named.filter(each => each !== ''), 'last', 'median'],
        editable: true
      });
      const chosen = name.value?.trim() ?? '';
      if (name.button.accept && chosen !== '') {
        showAnswer(await model.useBaseline(chosen));
      }
    }
  });
  commands.addCommand(CommandIDs.clearBaseline, {
    label: trans.__('Clear the baseline'),
    isEnabled: () => isLoaded(kind()) && model.state.baseline !== null,
    execute: async () => showAnswer(await model.clearBaseline())
  });
  commands.addCommand(CommandIDs.exportReport, {
    label: trans.__('Export energy report'),
    caption: trans.__('Run %energy report in the notebook’s kernel'),
    isEnabled: () => isLoaded(kind()),
    execute: async () => model.exportReport()
  });
  commands.addCommand(CommandIDs.openDoctor, {
    label: trans.__('Open the energy doctor'),
    caption: trans.__('Run %energy doctor in the notebook’s kernel'),
    isEnabled: () => isLoaded(kind()),
    execute: async () => model.openDoctor()
  });
  commands.addCommand(CommandIDs.showPanel, {
    label: trans.__('Show the energy panel'),
    execute: () => locations.show()
  });
  commands.addCommand(CommandIDs.openInMain, {
    label: trans.__('Open the energy panel in the main area'),
    isVisible: () => locations.hasMain,
    execute: () => locations.open()
  });
  model.changed.connect(() => {
    const now = kind();
    if (now !== last) {
      last = now;
      commands.notifyCommandChanged();
    }
  });
  let last = kind();
}

/** Notify the user of an answer. */
function showAnswer(answer: IAnswer): void {
  if (answer.ok) {
    Notification.success(answer.message, { autoClose: 4000 });
  } else {
    Notification.warning(answer.message);
  }
}
