/**
 * The kernels of the open notebooks, and the state of each.
 *
 * State belongs to a kernel, not to a notebook: two notebooks may share a kernel, and a notebook that switches kernels
 * and back finds its figures again. Kernels without a notebook are dropped.
 */
import type { Kernel } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import { KernelConnection, type StatusEvent } from './connection';
import type { OpenNotebook } from '../notebook/notebook';
import { Run, type IRunChange } from '../state/kernelRun';
import type { ValidationError } from '../schema/validators';
import type { Frame } from '../tokens';

/** The state of one kernel. */
export interface IKernelState {
  readonly connection: KernelConnection;
  readonly run: Run;
  /** Why the last frame was rejected; null after a valid one. */
  frameError: ValidationError | null;
  /** A message about this kernel, from the page itself. */
  message: string | null;
  /** This page is loading jupyter_green. */
  loading: boolean;
  /** Loading failed because the package is not installed. */
  packageMissing: boolean;
  /** Automatic loading was tried in this process. */
  loadAttempted: boolean;
  /** The user started metering from this page and has not stopped it. */
  startedHere: boolean;
  /** The kernel was metered before its last restart. */
  meteringLost: boolean;
}

/** A change of a kernel's state; `runChange` where a frame caused it. */
export interface IKernelChange {
  kernelState: IKernelState;
  runChange: IRunChange | null;
  /** The kernel was restarted and its state cleared. */
  restarted: boolean;
}

export class Kernels {
  /**
   * @param _client - This page's id in requests.
   * @param _now - The page's clock, in seconds.
   */
  constructor(
    private readonly _client: string,
    private readonly _now: () => number
  ) {}

  get changed(): ISignal<this, IKernelChange> {
    return this._changed;
  }

  /** The state of a notebook's kernel. */
  of(notebook: OpenNotebook | null): IKernelState | null {
    const connection = notebook && this._connections.get(notebook);
    return (connection && this._states.get(connection.id)) ?? null;
  }

  get all(): readonly IKernelState[] {
    return [...this._states.values()];
  }

  /** Use the kernel that a notebook has now, if any. */
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

  /** Remove a closed notebook. */
  remove(notebook: OpenNotebook): void {
    const previous = this._connections.get(notebook);
    this._connections.delete(notebook);
    if (previous !== undefined) {
      this._release(previous);
    }
  }

  /** Tell each kernel whether the page shows its figures. New kernels are told whether it shows any. */
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
    // Each notebook has its own connection object.
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
      // `restarted` may be emitted twice for one restart; the first one has already cleared the state.
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
