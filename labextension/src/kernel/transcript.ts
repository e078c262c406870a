/**
 * The output of a line that ran in a notebook's kernel, as plain text in a tab of its own.
 *
 * The tab names the line, because it ran in the user's kernel. Output is set as text content, so it needs no trust.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { execute } from './runCode';
import type { OpenNotebook } from '../notebook/notebook';
import { panelIcon } from '../panel/panelWidget';

class Transcript extends Widget {
  constructor(line: string, notebook: string) {
    super();
    this.addClass('jp-RenderedText');
    this.node.tabIndex = 0;
    this.node.setAttribute('role', 'document');
    this.node.dataset.testid = 'green-transcript';
    this.node.style.overflow = 'auto';
    this.node.style.padding = 'var(--jp-notebook-padding)';
    this._head.textContent = `${line}  #  ${notebook}`;
    this._body.setAttribute('role', 'status');
    this._head.style.whiteSpace = this._body.style.whiteSpace = 'pre-wrap';
    this.node.append(this._head, this._body);
    this.title.label = line;
    this.title.caption = notebook;
    this.title.icon = panelIcon;
    this.title.closable = true;
  }

  set text(text: string) {
    this._body.textContent = text;
  }

  private readonly _head = document.createElement('pre');
  private readonly _body = document.createElement('pre');
}

export class Transcripts {
  constructor(
    private readonly _shell: JupyterFrontEnd.IShell,
    private readonly _trans: TranslationBundle
  ) {}

  /** Run a line in a notebook's kernel and show its output as it comes. */
  async open(notebook: OpenNotebook, line: string): Promise<void> {
    const kernel = notebook.kernel;
    if (kernel === null) {
      return;
    }
    const trans = this._trans;
    const content = new Transcript(line, notebook.path);
    const widget = new MainAreaWidget({ content });
    this._count += 1;
    widget.id = `jupyter-green-transcript-${this._count}`;
    this._shell.add(widget, 'main', { ref: notebook.panel.id });
    if (!widget.isAttached) {
      // Notebook 7 has one document in the main area and a panel below it.
      content.node.style.minHeight = '30vh';
      this._shell.add(widget, 'down');
    }
    this._shell.activateById(widget.id);
    content.text =
      kernel.status === 'busy'
        ? trans.__('The kernel is busy; this runs when its cells have ended.')
        : trans.__('Running…');
    const { end, output, error } = await execute(kernel, line, text => {
      content.text = text;
    });
    if (content.isDisposed) {
      return;
    }
    switch (end) {
      case 'ok':
        content.text = output || trans.__('It printed nothing.');
        break;
      case 'error':
        content.text = `${output}${error?.message ?? ''}`.trim();
        break;
      case 'gone':
        content.text = trans.__(
          'The kernel was restarted or closed before this had ended.'
        );
        break;
    }
  }

  private _count = 0;
}
