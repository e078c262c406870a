/**
 * Wires the plugins, and nothing else.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

const panel: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-green:panel',
  description: 'The side panel: what the cells of the notebook used.',
  autoStart: true,
  activate: (_app: JupyterFrontEnd): void => undefined
};

export default [panel];
