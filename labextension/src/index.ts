/**
 * The plugins of the extension.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  Dialog,
  ICommandPalette,
  Notification,
  showDialog
} from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';

import {
  ResumeAfterRestart,
  AutoMeter,
  SettingsForwarder
} from './kernel/autoMeter';
import { LedgerHistory } from './ledger/ledgerHistory';
import { Badges } from './badge/badges';
import { CommandIDs, addCommands } from './commands';
import { Kernels } from './kernel/kernels';
import { EnergyModel } from './state/panelModel';
import { EnergyPanel } from './panel/panelWidget';
import { PanelLocations } from './panel/panelLocations';
import { EnergyServer } from './ledger/client';
import { IPreferences, Preferences, SETTINGS } from './state/settings';
import { StatusItem } from './statusbar/statusItem';
import { IEnergyModel } from './tokens';
import { RenameNotifier } from './kernel/renameNotifier';
import { NotebookTracker } from './notebook/tracker';
import { Transcripts } from './kernel/transcript';

const DOMAIN = 'jupyter_green';

/** The user's settings. Their schema has the panel's id, so that users find it under that name. */
const preferencesPlugin: JupyterFrontEndPlugin<Preferences> = {
  id: 'jupyter-green:preferences',
  description: 'The settings of the energy panel.',
  autoStart: true,
  provides: IPreferences,
  optional: [ISettingRegistry],
  activate: (_app, registry: ISettingRegistry | null) => {
    const preferences = new Preferences();
    if (registry !== null) {
      void preferences.follow(registry);
    }
    return preferences;
  }
};

const modelPlugin: JupyterFrontEndPlugin<IEnergyModel> = {
  id: 'jupyter-green:model',
  description:
    'The connection to the kernels of the open notebooks, with their energy figures.',
  autoStart: true,
  provides: IEnergyModel,
  requires: [INotebookTracker, ITranslator, IPreferences],
  optional: [ILabShell],
  activate: (
    app,
    tracker: INotebookTracker,
    translator: ITranslator,
    preferences: Preferences,
    labShell: ILabShell | null
  ) => {
    const trans = translator.load(DOMAIN);
    const { serverSettings, events } = app.serviceManager;
    const server = new EnergyServer(serverSettings, events, trans);
    const clock = {
      now: () => Date.now(),
      frame: (call: () => void) => void requestAnimationFrame(call),
      later: (call: () => void, wait: number) => void setTimeout(call, wait)
    };
    const kernels = new Kernels(UUID.uuid4(), () => clock.now() / 1000);
    const transcripts = new Transcripts(app.shell, trans);
    const notebooks = new NotebookTracker(tracker, labShell);
    const ledgerHistory = new LedgerHistory(server);
    const model = new EnergyModel(
      {
        notebooks,
        kernels,
        ledgerHistory,
        trans,
        settings: () => preferences.current,
        clock
      },
      {
        commands: app.commands,
        shell: app.shell,
        server,
        showOutput: (notebook, line) => transcripts.open(notebook, line),
        notify: sentence =>
          void Notification.info(sentence, { autoClose: 6000 })
      }
    );
    new RenameNotifier(
      notebooks,
      kernels,
      kernel =>
        [...app.serviceManager.sessions.running()]
          .filter(each => each.kernel?.id === kernel)
          .map(each => PathExt.basename(each.path)),
      (kernelState, answer) => model.onRenamed(kernelState, answer)
    );
    preferences.changed.connect(() => model.markChanged());
    new ResumeAfterRestart(model, kernels, trans);
    new SettingsForwarder(model, kernels, preferences);
    new AutoMeter(model, kernels, preferences, async () => {
      const { button } = await showDialog({
        title: trans.__('Meter every notebook?'),
        body: trans.__(
          'Each Python notebook that you open runs %load_ext jupyter_green in its kernel once. You can switch this off in the settings at any time.'
        ),
        buttons: [
          Dialog.cancelButton({ label: trans.__('Not now') }),
          Dialog.okButton({ label: trans.__('Meter every notebook') })
        ]
      });
      return button.accept;
    });
    const updateVisibility = () => model.setPageVisible(!document.hidden);
    document.addEventListener('visibilitychange', updateVisibility);
    updateVisibility();
    window.addEventListener('pagehide', () =>
      kernels.all.forEach(({ connection }) => connection.leave())
    );
    return model;
  }
};

const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: SETTINGS,
  description: 'The side panel with the energy of the notebook’s cells.',
  autoStart: true,
  requires: [IEnergyModel, ITranslator, IPreferences, INotebookTracker],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette],
  activate: (
    app,
    model: IEnergyModel,
    translator: ITranslator,
    preferences: Preferences,
    tracker: INotebookTracker,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) => {
    const trans = translator.load(DOMAIN);
    const locations = new PanelLocations(
      app,
      () =>
        new EnergyPanel(model, trans, () => preferences.current, {
          choose: (key, value) => preferences.choose(key, value),
          leave: () => tracker.currentWidget?.activate()
        }),
      trans,
      labShell !== null
    );
    addCommands(app, model, locations, trans);
    if (restorer !== null) {
      locations.restore(restorer);
    }
    for (const command of Object.values(CommandIDs)) {
      palette?.addItem({ command, category: trans.__('Energy') });
    }
  }
};

const badgesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-green:badges',
  description: 'A badge with the energy of a cell, in its corner.',
  autoStart: true,
  requires: [IEnergyModel, ITranslator, IPreferences, INotebookTracker],
  activate: (
    _app,
    model: IEnergyModel,
    translator: ITranslator,
    preferences: Preferences,
    tracker: INotebookTracker
  ) => {
    const badges = new Badges(model, translator.load(DOMAIN), preferences);
    tracker.widgetAdded.connect((_, notebook) => badges.add(notebook));
    tracker.forEach(notebook => badges.add(notebook));
  }
};

const statusBarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-green:status-bar',
  description: 'Live watts and the total of the notebook in the status bar.',
  autoStart: true,
  requires: [IEnergyModel, ITranslator, IPreferences],
  optional: [IStatusBar],
  activate: (
    app,
    model: IEnergyModel,
    translator: ITranslator,
    preferences: Preferences,
    bar: IStatusBar | null
  ) => {
    if (bar !== null) {
      const item = new StatusItem(
        model,
        translator.load(DOMAIN),
        preferences,
        () => void app.commands.execute(CommandIDs.showPanel)
      );
      bar.registerStatusItem(statusBarPlugin.id, item.options);
    }
  }
};

export default [
  preferencesPlugin,
  modelPlugin,
  panelPlugin,
  badgesPlugin,
  statusBarPlugin
];
