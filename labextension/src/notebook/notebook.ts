/**
 * An open notebook: its name, kernel and cell order.
 *
 * Combines JupyterLab's many signals into one `changed` signal with four kinds of change.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

/** What has changed: the kernel, its language, the notebook's path, its cells. */
export type NotebookAspect = 'kernel' | 'language' | 'path' | 'cells';

export class OpenNotebook implements IDisposable {
  constructor(readonly panel: NotebookPanel) {
    const { sessionContext, context } = panel;
    this._lastName = this.name;
    sessionContext.kernelChanged.connect(this._onKernel, this);
    sessionContext.statusChanged.connect(this._onStatus, this);
    context.pathChanged.connect(this._onPath, this);
    panel.content.modelChanged.connect(this._onModel, this);
    this._onModel();
    // Where no kernel could be started or none is wanted, no signal is emitted; its absence is known once the session
    // is ready.
    void sessionContext.ready.then(() => this._emit('kernel'));
    this._findLanguage();
  }

  get changed(): ISignal<this, NotebookAspect> {
    return this._changed;
  }

  /** The path relative to the server's root. */
  get path(): string {
    return this.panel.context.localPath;
  }

  /** The file name, as in records. */
  get name(): string {
    return this.path.slice(this.path.lastIndexOf('/') + 1);
  }

  /** Former names that no kernel was told of yet. */
  formerNames: string[] = [];

  /** Whether it is visible, not behind another tab. */
  get shown(): boolean {
    return this.panel.isVisible;
  }

  get kernel(): Kernel.IKernelConnection | null {
    return this.panel.sessionContext.session?.kernel ?? null;
  }

  /** Whether a kernel is being started or selected. */
  get starting(): boolean {
    const { sessionContext } = this.panel;
    // A session is also not ready after its kernel was shut down, when none is wanted, or when a restart failed.
    return (
      sessionContext.isRestarting ||
      (!sessionContext.isReady &&
        sessionContext.kernelDisplayStatus === 'initializing')
    );
  }

  /** The kernel's language; null where it is not known yet. */
  get language(): string | null {
    return this._language;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      Signal.clearData(this);
    }
  }

  /** Cell ids from top to bottom. */
  *ids(): IterableIterator<string> {
    for (const cell of this.panel.content.model?.cells ?? []) {
      yield cell.id;
    }
  }

  private _onModel(): void {
    this._cells?.changed.disconnect(this._onCells, this);
    this._cells = this.panel.content.model?.cells;
    this._cells?.changed.connect(this._onCells, this);
    this._emit('cells');
  }

  private _onCells(): void {
    this._emit('cells');
  }

  private _onPath(): void {
    if (this.name !== this._lastName) {
      this.formerNames.push(this._lastName);
      this._lastName = this.name;
    }
    this._emit('path');
  }

  private _onKernel(): void {
    this._language = null;
    this._emit('kernel');
    this._findLanguage();
  }

  private _onStatus(): void {
    if (this.kernel === null) {
      this._emit('kernel');
    }
  }

  /** Find the kernel's language: from its kernelspec, else from its kernel info reply once it is idle. */
  private _findLanguage(): void {
    const kernel = this.kernel;
    if (kernel === null) {
      return;
    }
    const { specsManager } = this.panel.sessionContext;
    const specLanguage = specsManager.specs?.kernelspecs[kernel.name]?.language;
    if (specLanguage !== undefined) {
      this._setLanguage(kernel, specLanguage);
      return;
    }
    void kernel.info.then(
      info => this._setLanguage(kernel, info.language_info.name),
      () => undefined // the kernel died
    );
  }

  private _setLanguage(
    kernel: Kernel.IKernelConnection,
    language: string
  ): void {
    if (kernel === this.kernel && language !== this._language) {
      this._language = language;
      this._emit('language');
    }
  }

  private _emit(aspect: NotebookAspect): void {
    if (!this._isDisposed) {
      this._changed.emit(aspect);
    }
  }

  private _cells:
    NonNullable<NotebookPanel['content']['model']>['cells'] | undefined;
  private _language: string | null = null;
  private _lastName: string;
  private _isDisposed = false;
  private readonly _changed = new Signal<this, NotebookAspect>(this);
}
