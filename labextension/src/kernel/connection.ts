/**
 * The connection to one kernel: frames that it sends, requests that it gets.
 *
 * Frames are read from the IOPub channel, so a page reloaded while a cell runs has figures at once. Requests are sent
 * to an idle kernel only; those that can wait are deferred. Nothing is sent to a kernel that isn't known to be
 * metered, except one comm info request, and nothing while it stays idle.
 */
import { KernelMessage } from '@jupyterlab/services';
import type { Kernel } from '@jupyterlab/services';
import { UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { APP, isGreenFrame, readFrame } from './frameValidation';
import { PendingRequests, type NoAnswer } from './pendingRequests';
import { LoadDetector } from './extensionLoaded';
import { ValidationError } from '../schema/validators';
import type { Frame, IAnswer, Request } from '../tokens';
import { KernelComm } from './kernelComm';

/** What changed besides frames: the kernel's status, or everything because it was restarted. */
export type StatusEvent = 'status' | 'restarted';

/** Milliseconds after which an idle kernel that was last reported busy is asked again. */
const IDLE_CHECK_MS = 3000;

export class KernelConnection implements IDisposable {
  /**
   * @param id - The kernel's id.
   * @param client - This page's id in requests.
   */
  constructor(
    readonly id: string,
    private readonly _client: string
  ) {
    this.comm.message.connect(this._onMessage, this);
    this.comm.statusChanged.connect(this._onStatus, this);
    this.comm.connectionChanged.connect(this._onConnection, this);
  }

  readonly comm = new KernelComm(APP);

  /** Emitted with each valid frame. */
  get frameReceived(): ISignal<this, Frame> {
    return this._frameReceived;
  }

  /** Emitted with each invalid frame. */
  get frameRefused(): ISignal<this, ValidationError> {
    return this._frameRefused;
  }

  get statusChanged(): ISignal<this, StatusEvent> {
    return this._statusChanged;
  }

  /** Whether the kernel is metered; null until it was asked. */
  get metered(): boolean | null {
    return this._commId !== null ? true : this._metered;
  }

  /** Whether the connection was established once and is lost now. */
  get lost(): boolean {
    return this._connected && !this.comm.connected;
  }

  /**
   * Whether this page has restarted the kernel and is connected again. A request sent now is queued before the cells
   * that run once the restart has ended.
   */
  get readyAfterRestart(): boolean {
    return this._readyAfterRestart;
  }

  get isDisposed(): boolean {
    return this.comm.isDisposed;
  }

  /** Allow asking the kernel whether it is metered; called for Python kernels. */
  listen(): void {
    if (!this._listening) {
      this._listening = true;
      this._onIdle();
    }
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.comm.dispose();
      this._reset();
      Signal.clearData(this);
    }
  }

  /** Set whether the page shows figures; the kernel is told once it is idle. */
  show(visible: boolean): void {
    this._visible = visible;
    if (this.comm.status === 'idle') {
      this._sendVisible();
    }
  }

  /** Tell the kernel that the page is closing, even while it is busy. */
  leave(): void {
    this._visible = false;
    this._sendVisible();
  }

  /** Request all cells of the run. */
  sync(): void {
    this._missedCells = false;
    this._visibleSent = true;
    this._send({ v: 1, type: 'sync', client: this._client });
  }

  /** Send a request and wait for its answer; the reason where none comes. */
  async ask(request: Request & { id: string }): Promise<IAnswer | NoAnswer> {
    return this._pendingRequests.wait(request.id, this._send(request));
  }

  // ---- kernel status --------------------------------------------------------------------------

  private _onConnection(): void {
    if (this.comm.connected) {
      // Messages sent while disconnected are lost.
      this._missedCells = this._missedCells || this._connected;
      this._connected = this._probeDue = true;
      this._readyAfterRestart = this._restarting;
      this._restarting = false;
      this._onIdle();
    }
    this._statusChanged.emit('status');
  }

  private _onStatus(_: KernelComm, status: Kernel.Status): void {
    const ended =
      status === 'restarting' ||
      status === 'autorestarting' ||
      status === 'dead';
    if (status === 'restarting') {
      // The old process may still report busy and idle; the new one begins with the next connection.
      this._restarting = true;
      this._readyAfterRestart = false;
    }
    if (ended) {
      this._reset();
    } else {
      this._onIdle();
    }
    this._statusChanged.emit(
      ended && status !== 'dead' ? 'restarted' : 'status'
    );
  }

  /** Forget everything that belonged to the old process. */
  private _reset(): void {
    clearTimeout(this._idleTimer);
    this._processCount += 1;
    this._commId = this._metered = this._visibleSent = null;
    this._missedCells = this._hasTarget = this._busy = false;
    this._probeDue = true;
    this._loadDetector.clear();
    this._pendingRequests.cancelAll();
  }

  /** Send what waited for the kernel to be idle. */
  private _onIdle(): void {
    const { status, connected } = this.comm;
    // A shared kernel may never report idle after a restart; any request makes it report.
    const mayBeIdle =
      this._probeDue &&
      this._processCount > 0 &&
      connected &&
      /unknown|starting/.test(status);
    if (!this._listening || (status !== 'idle' && !mayBeIdle)) {
      return;
    }
    if (this._probeDue) {
      this._probeDue = false;
      void this._probe();
    } else {
      this._sendVisible();
    }
    clearTimeout(this._idleTimer);
    if (this._busy && this._visibleSent !== false) {
      this._idleTimer = window.setTimeout(
        () => this._checkEnded(),
        IDLE_CHECK_MS
      );
    }
  }

  /** The message that a cell has ended may have been lost; request it once. */
  private _checkEnded(): void {
    if (this._busy && this.comm.status === 'idle') {
      this._busy = false;
      this.sync();
    }
  }

  /** Ask the kernel for its comms and join the current run. */
  private async _probe(): Promise<void> {
    const processCount = this._processCount;
    const commIds = await this.comm.listComms();
    if (processCount !== this._processCount || this.isDisposed) {
      return;
    }
    if (commIds !== null && commIds.length > 0) {
      const isCurrent = this._commId !== null && commIds.includes(this._commId);
      if (!isCurrent) {
        this._commId = commIds[commIds.length - 1];
      }
      this._join(!isCurrent || this._missedCells);
    } else if (this._hasTarget) {
      this._commId = UUID.uuid4();
      this._visibleSent = true;
      this.comm.open(this._commId, {
        v: 1,
        type: 'sync',
        client: this._client
      });
    } else {
      this._commId = null;
      this._metered = false;
    }
    this._statusChanged.emit('status');
  }

  /** Register this page with the kernel; request all cells where it may have missed some. */
  private _join(missed: boolean): void {
    if (missed && this._visible) {
      this.sync();
    } else {
      this._missedCells = this._missedCells || missed;
      this._sendVisible();
    }
  }

  /** Send the visibility if the kernel doesn't have it yet. */
  private _sendVisible(): void {
    if (this._commId === null || this._visibleSent === this._visible) {
      return;
    }
    this._visibleSent = this._visible;
    this._send({
      v: 1,
      type: 'visible',
      client: this._client,
      visible: this._visible
    });
    if (this._visible && this._missedCells) {
      this.sync();
    }
  }

  private _send(request: Request): Kernel.IShellFuture | null {
    return this._commId === null ? null : this.comm.send(this._commId, request);
  }

  // ---- messages from the kernel -----------------------------------------------------------------

  private _onMessage(
    _: KernelComm,
    message: KernelMessage.IIOPubMessage
  ): void {
    if (KernelMessage.isCommMsgMsg(message)) {
      this._onFrame(message.content.comm_id, message.content.data);
    } else if (KernelMessage.isCommOpenMsg(message)) {
      if (message.content.target_name === APP) {
        // Another page may close this comm, so the comms are looked up again when the kernel is idle.
        this._probeDue = true;
        this._onFrame(message.content.comm_id, message.content.data, true);
      }
    } else if (KernelMessage.isCommCloseMsg(message)) {
      if (message.content.comm_id === this._commId) {
        // The kernel closed it; this page doesn't open another one.
        this._commId = null;
        this._metered = this._busy = this._hasTarget = false;
        this._statusChanged.emit('status');
      }
    } else if (KernelMessage.isExecuteInputMsg(message)) {
      this._missedCells = this._missedCells || this._visibleSent === false;
    }
    if (this._loadDetector.handle(message)) {
      this._hasTarget = this._probeDue = true;
      this._onIdle();
    }
  }

  private _onFrame(commId: string, data: unknown, opened = false): void {
    if (commId !== this._commId && !isGreenFrame(data)) {
      return; // a comm of another extension
    }
    const frame = readFrame(data);
    if (frame instanceof ValidationError) {
      this._frameRefused.emit(frame);
      return;
    }
    if (frame.type === 'answer') {
      this._pendingRequests.deliver(frame);
      return;
    }
    const isFirst = this._commId === null;
    this._commId = commId;
    this._hasTarget = true;
    if (frame.type === 'snapshot') {
      this._busy = frame.phase === 'busy';
    }
    this._frameReceived.emit(frame);
    if (isFirst) {
      // Queued behind the current cell, so that the kernel knows this page before the next one.
      this._join(!opened);
      this._statusChanged.emit('status');
    }
  }

  private _processCount = 0;
  private _commId: string | null = null;
  private _metered: boolean | null = null;
  private _listening = false;
  private _connected = false;
  private _restarting = false;
  private _readyAfterRestart = false;
  private _visible = false;
  /** The visibility that the kernel was last told; null: none. */
  private _visibleSent: boolean | null = null;
  /** Cells may have run unnoticed. */
  private _missedCells = false;
  /** The kernel's comms have to be looked up once it is idle. */
  private _probeDue = true;
  /** The kernel is known to have registered our comm target. */
  private _hasTarget = false;
  /** The last snapshot said that a cell runs. */
  private _busy = false;
  private _idleTimer: number | undefined;
  private readonly _loadDetector = new LoadDetector();
  private readonly _pendingRequests = new PendingRequests();
  private readonly _frameReceived = new Signal<this, Frame>(this);
  private readonly _frameRefused = new Signal<this, ValidationError>(this);
  private readonly _statusChanged = new Signal<this, StatusEvent>(this);
}
