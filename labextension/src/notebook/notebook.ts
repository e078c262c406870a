/**
 * One open notebook as the model sees it: its name, its kernel, and the order of its cells.
 *
 * What JupyterLab says in many signals is said here in four words, each only when it is true.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

/** What has changed: another kernel or none, its language, the notebook's name, its cells. */
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
    // A kernel that could not be started, or that nobody wants, changes nothing; only then is it known to be absent.
    void sessionContext.ready.then(() => this._emit('kernel'));
    this._findLanguage();
  }

  get changed(): ISignal<this, NotebookAspect> {
    return this._changed;
  }

  /** The path below the server's root. */
  get path(): string {
    return this.panel.context.localPath;
  }

  /** The name that records bear. */
  get name(): string {
    return this.path.slice(this.path.lastIndexOf('/') + 1);
  }

  /** Names that it had while it was open, as far as no kernel was told. */
  formerNames: string[] = [];

  /** Whether it is shown, and not behind another tab. */
  get shown(): boolean {
    return this.panel.isVisible;
  }

  get kernel(): Kernel.IKernelConnection | null {
    return this.panel.sessionContext.session?.kernel ?? null;
  }

  /** Whether a kernel is being started or chosen. */
  get starting(): boolean {
    const { sessionContext } = this.panel;
    // It is not ready either where a person has ended it or wants none, or where a restart has failed.
    return (
      sessionContext.isRestarting ||
      (!sessionContext.isReady &&
        sessionContext.kernelDisplayStatus === 'initializing')
    );
  }

  /** The language of the kernel; null where it is not known yet. */
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

  /** The ids of the cells from top to bottom. */
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

  /** Find the kernel's language: its specification says it at once, the kernel itself when it is idle. */
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
      () => undefined // it died; another one will be asked
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
