/**
 * Wires the plugins, and nothing else.
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

import { AfterRestart, EveryNotebook, Factors } from './kernel/autoMeter';
import { Archive } from './ledger/ledgerHistory';
import { Badges } from './badge/badges';
import { CommandIDs, addCommands } from './commands';
import { Kernels } from './kernel/kernels';
import { EnergyModel } from './state/model';
import { EnergyPanel } from './panel/panelWidget';
import { Places } from './panel/panelLocations';
import { EnergyServer } from './ledger/client';
import { IPreferences, Preferences, SETTINGS } from './state/settings';
import { StatusItem } from './statusbar/statusItem';
import { IEnergyModel } from './tokens';
import { Naming } from './kernel/renameNotifier';
import { NotebookTracker } from './notebook/tracker';
import { Transcripts } from './kernel/transcript';

const DOMAIN = 'jupyter_green';

/** What a person chose. Its schema bears the panel's name, under which people look for it. */
const preferences: JupyterFrontEndPlugin<Preferences> = {
  id: 'jupyter-green:preferences',
  description: 'The settings of the energy panel.',
  autoStart: true,
  provides: IPreferences,
  optional: [ISettingRegistry],
  activate: (_app, registry: ISettingRegistry | null) => {
    const chosen = new Preferences();
    if (registry !== null) {
      void chosen.follow(registry);
    }
    return chosen;
  }
};

const model: JupyterFrontEndPlugin<IEnergyModel> = {
  id: 'jupyter-green:model',
  description: 'What the kernels of the open notebooks say of their energy.',
  autoStart: true,
  provides: IEnergyModel,
  requires: [INotebookTracker, ITranslator, IPreferences],
  optional: [ILabShell],
  activate: (
    app,
    tracker: INotebookTracker,
    translator: ITranslator,
    chosen: Preferences,
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
    const archive = new Archive(server);
    const made = new EnergyModel(
      {
        notebooks,
        kernels,
        archive,
        trans,
        settings: () => chosen.current,
        clock
      },
      {
        commands: app.commands,
        shell: app.shell,
        server,
        present: (notebook, line) => transcripts.open(notebook, line),
        mention: sentence =>
          void Notification.info(sentence, { autoClose: 6000 })
      }
    );
    new Naming(
      notebooks,
      kernels,
      kernel =>
        [...app.serviceManager.sessions.running()]
          .filter(each => each.kernel?.id === kernel)
          .map(each => PathExt.basename(each.path)),
      (known, answer) => made.named(known, answer)
    );
    chosen.changed.connect(() => made.touch());
    new AfterRestart(made, kernels, trans);
    new Factors(made, kernels, chosen);
    new EveryNotebook(made, kernels, chosen, async () => {
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
    const look = () => made.expose(!document.hidden);
    document.addEventListener('visibilitychange', look);
    look();
    window.addEventListener('pagehide', () =>
      kernels.all.forEach(({ link }) => link.leave())
    );
    return made;
  }
};

const panel: JupyterFrontEndPlugin<void> = {
  id: SETTINGS,
  description: 'The side panel: what the cells of the notebook used.',
  autoStart: true,
  requires: [IEnergyModel, ITranslator, IPreferences, INotebookTracker],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette],
  activate: (
    app,
    energy: IEnergyModel,
    translator: ITranslator,
    chosen: Preferences,
    tracker: INotebookTracker,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) => {
    const trans = translator.load(DOMAIN);
    const places = new Places(
      app,
      () =>
        new EnergyPanel(energy, trans, () => chosen.current, {
          choose: (key, value) => chosen.choose(key, value),
          leave: () => tracker.currentWidget?.activate()
        }),
      trans,
      labShell !== null
    );
    addCommands(app, energy, places, trans);
    if (restorer !== null) {
      places.restore(restorer);
    }
    for (const command of Object.values(CommandIDs)) {
      palette?.addItem({ command, category: trans.__('Energy') });
    }
  }
};

const badges: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-green:badges',
  description: 'What a cell used, in a corner of the cell.',
  autoStart: true,
  requires: [IEnergyModel, ITranslator, IPreferences, INotebookTracker],
  activate: (
    _app,
    energy: IEnergyModel,
    translator: ITranslator,
    chosen: Preferences,
    tracker: INotebookTracker
  ) => {
    const all = new Badges(energy, translator.load(DOMAIN), chosen);
    tracker.widgetAdded.connect((_, notebook) => all.add(notebook));
    tracker.forEach(notebook => all.add(notebook));
  }
};

const statusBar: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-green:status-bar',
  description: 'Live watts and the total of the notebook in the status bar.',
  autoStart: true,
  requires: [IEnergyModel, ITranslator, IPreferences],
  optional: [IStatusBar],
  activate: (
    app,
    energy: IEnergyModel,
    translator: ITranslator,
    chosen: Preferences,
    bar: IStatusBar | null
  ) => {
    if (bar !== null) {
      const item = new StatusItem(
        energy,
        translator.load(DOMAIN),
        chosen,
        () => void app.commands.execute(CommandIDs.showPanel)
      );
      bar.registerStatusItem(statusBar.id, item.options);
    }
  }
};

export default [preferences, model, panel, badges, statusBar];
