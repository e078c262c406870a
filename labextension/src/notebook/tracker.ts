/**
 * Tracks the open notebooks and which of them is current.
 *
 * JupyterLab's tracker knows the notebook that last had the focus. In JupyterLab a notebook that is the shell's
 * current widget comes first, even if it was restored and never clicked; Notebook 7 has a single notebook.
 */
import type { ILabShell } from '@jupyterlab/application';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ISignal, Signal } from '@lumino/signaling';

import { OpenNotebook } from './notebook';

export class NotebookTracker {
  constructor(
    private readonly _tracker: INotebookTracker,
    private readonly _shell: ILabShell | null
  ) {
    _tracker.widgetAdded.connect((_, panel) => this._open(panel));
    _tracker.currentChanged.connect(this._update, this);
    _shell?.currentChanged.connect(this._update, this);
    _shell?.layoutModified.connect(this._update, this);
    _tracker.forEach(panel => this._open(panel));
    this._update();
  }

  /** The current notebook; null where none is open. */
  get current(): OpenNotebook | null {
    return this._current;
  }

  get currentChanged(): ISignal<this, OpenNotebook | null> {
    return this._currentChanged;
  }

  /** Emitted when the visibility of notebooks may have changed. */
  get layoutChanged(): ISignal<this, void> {
    return this._layoutChanged;
  }

  get opened(): ISignal<this, OpenNotebook> {
    return this._opened;
  }

  get closed(): ISignal<this, OpenNotebook> {
    return this._closed;
  }

  /** All open notebooks. */
  get all(): readonly OpenNotebook[] {
    return [...this._notebooks.values()];
  }

  private _open(panel: NotebookPanel): void {
    if (this._notebooks.has(panel)) {
      return;
    }
    const notebook = new OpenNotebook(panel);
    this._notebooks.set(panel, notebook);
    panel.disposed.connect(() => {
      this._notebooks.delete(panel);
      this._update();
      this._closed.emit(notebook);
      notebook.dispose();
    });
    this._opened.emit(notebook);
    this._update();
  }

  private _update(): void {
    const current = this._findCurrent();
    if (current !== this._current) {
      this._current = current;
      this._currentChanged.emit(current);
    }
    this._layoutChanged.emit();
  }

  private _findCurrent(): OpenNotebook | null {
    const shown = this._shell?.currentWidget ?? null;
    for (const [panel, notebook] of this._notebooks) {
      if (panel === shown) {
        return notebook;
      }
    }
    const current = this._tracker.currentWidget;
    const last = current === null ? undefined : this._notebooks.get(current);
    // Prefer a visible notebook over a hidden one.
    const visible = this.all.find(notebook => notebook.panel.isVisible);
    return (last?.panel.isVisible ? last : (visible ?? last)) ?? null;
  }

  private _current: OpenNotebook | null = null;
  private readonly _notebooks = new Map<NotebookPanel, OpenNotebook>();
  private readonly _currentChanged = new Signal<this, OpenNotebook | null>(
    this
  );
  private readonly _layoutChanged = new Signal<this, void>(this);
  private readonly _opened = new Signal<this, OpenNotebook>(this);
  private readonly _closed = new Signal<this, OpenNotebook>(this);
}
