/**
 * The kernels of the open notebooks, and what is known of each.
 *
 * State belongs to a kernel, not to a notebook: two notebooks may share one, and one that moves to another kernel and
 * back finds its figures again. A kernel that no notebook uses any more is let go.
 */
import type { Kernel } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import { KernelConnection, type StatusEvent } from './connection';
import type { OpenNotebook } from '../notebook/notebook';
import { Run, type IRunChange } from '../state/run';
import type { ValidationError } from '../schema/validators';
import type { Frame } from '../tokens';

/** What is known of one kernel. */
export interface IKernelState {
  readonly connection: KernelConnection;
  readonly run: Run;
  /** Why the last frame could not be read; null once one could. */
  frameError: ValidationError | null;
  /** A sentence of the page's own on this kernel. */
  message: string | null;
  /** jupyter_green is being loaded by this page. */
  loading: boolean;
  /** Loading found that the package is not there. */
  packageMissing: boolean;
  /** Loading was tried without being asked for this process. */
  loadAttempted: boolean;
  /** A person had this page start metering, and did not have it stopped since. */
  startedHere: boolean;
  /** It was metered, and its process was restarted since. */
  meteringLost: boolean;
}

/** Something new about a kernel; `change` where it came with a frame. */
export interface IKernelChange {
  kernelState: IKernelState;
  runChange: IRunChange | null;
  /** Everything known was forgotten. */
  restarted: boolean;
}

export class Kernels {
  /**
   * @param _client - What this page is called in requests.
   * @param _now - Seconds of the page's own clock.
   */
  constructor(
    private readonly _client: string,
    private readonly _now: () => number
  ) {}

  get changed(): ISignal<this, IKernelChange> {
    return this._changed;
  }

  /** What is known of a notebook's kernel. */
  of(notebook: OpenNotebook | null): IKernelState | null {
    const connection = notebook && this._connections.get(notebook);
    return (connection && this._states.get(connection.id)) ?? null;
  }

  get all(): readonly IKernelState[] {
    return [...this._states.values()];
  }

  /** Follow a notebook to the kernel that it has now, if any. */
  follow(notebook: OpenNotebook): void {
    const previous = this._connections.get(notebook);
    const next = notebook.isDisposed ? null : notebook.kernel;
    if (previous === (next ?? undefined)) {
      return;
    }
    if (next !== null) {
      this._connections.set(notebook, next);
      this._stateFor(next).connection.comm.attach(next);
    } else {
      this._connections.delete(notebook);
    }
    if (previous !== undefined) {
      this._release(previous);
    }
  }

  /** A notebook was closed. */
  remove(notebook: OpenNotebook): void {
    const previous = this._connections.get(notebook);
    this._connections.delete(notebook);
    if (previous !== undefined) {
      this._release(previous);
    }
  }

  /** Say to each kernel whether anything on the page shows its figures; to new ones that something does. */
  show(shown: ReadonlySet<IKernelState | null>): void {
    this._visible = shown.size > 0;
    this.all.forEach(kernelState =>
      kernelState.connection.show(shown.has(kernelState))
    );
  }

  private _stateFor({ id }: Kernel.IKernelConnection): IKernelState {
    const existing = this._states.get(id);
    if (existing !== undefined) {
      return existing;
    }
    const kernelState: IKernelState = {
      connection: new KernelConnection(id, this._client),
      run: new Run(),
      frameError: null,
      message: null,
      loading: false,
      packageMissing: false,
      loadAttempted: false,
      startedHere: false,
      meteringLost: false
    };
    kernelState.connection.show(this._visible);
    kernelState.connection.frameReceived.connect((_, frame) =>
      this._onFrame(kernelState, frame)
    );
    kernelState.connection.frameRefused.connect((_, error) => {
      kernelState.frameError = error;
      this._emit(kernelState);
    });
    kernelState.connection.statusChanged.connect((_, event) =>
      this._onStatus(kernelState, event)
    );
    this._states.set(id, kernelState);
    return kernelState;
  }

  private _release(connection: Kernel.IKernelConnection): void {
    const kernelState = this._states.get(connection.id);
    if (kernelState === undefined) {
      return;
    }
    // Two notebooks may hold the very same connection only by mistake; each has its own.
    if (!kernelState.connection.comm.detach(connection)) {
      this._states.delete(connection.id);
      kernelState.connection.dispose();
    }
  }

  private _onFrame(kernelState: IKernelState, frame: Frame): void {
    kernelState.frameError = null;
    if (frame.type === 'answer') {
      return;
    }
    const runChange =
      frame.type === 'snapshot'
        ? kernelState.run.applySnapshot(frame, this._now())
        : kernelState.run.applyHistory(frame);
    this._emit(kernelState, runChange);
  }

  private _onStatus(kernelState: IKernelState, event: StatusEvent): void {
    if (event === 'restarted') {
      // One turn says that it restarts, and the next may say so again: what was known was forgotten with the first.
      kernelState.meteringLost =
        kernelState.meteringLost ||
        kernelState.startedHere ||
        kernelState.run.snapshot !== null;
      kernelState.run.clear();
      kernelState.frameError = kernelState.message = null;
      kernelState.packageMissing = kernelState.loadAttempted = false;
    }
    this._emit(kernelState, null, event === 'restarted');
  }

  private _emit(
    kernelState: IKernelState,
    runChange: IRunChange | null = null,
    restarted = false
  ): void {
    this._changed.emit({ kernelState, runChange, restarted });
  }

  private _visible = false;
  private readonly _states = new Map<string, IKernelState>();
  private readonly _connections = new Map<
    OpenNotebook,
    Kernel.IKernelConnection
  >();
  private readonly _changed = new Signal<this, IKernelChange>(this);
}
