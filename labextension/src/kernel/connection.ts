/**
 * The link to one kernel: what it says of its energy, and what it is asked.
 *
 * Frames are read where all messages of the kernel pass, so a page that was reloaded in the middle of a busy cell has
 * figures at once. Requests reach an idle kernel only; what can wait is kept until then. Nothing is sent to a kernel
 * that has not shown that it is metered, but for one question after its comms; and nothing while it idles.
 */
import { KernelMessage } from '@jupyterlab/services';
import type { Kernel } from '@jupyterlab/services';
import { UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { APP, isGreenFrame, readFrame } from './frames';
import { PendingRequests, type NoAnswer } from './pendingRequests';
import { LoadDetector } from './extensionLoaded';
import { ValidationError } from '../schema/validators';
import type { Frame, IAnswer, Request } from '../tokens';
import { KernelComm } from './kernelComm';

/** What changed beside frames: the kernel's standing, or everything, because it was restarted. */
export type StatusEvent = 'standing' | 'restarted';

/** Milliseconds after which an idle kernel that was last seen busy is asked. */
const IDLE_CHECK_MS = 3000;

export class KernelConnection implements IDisposable {
  /**
   * @param id - The kernel's id.
   * @param client - What this page is called in requests.
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

  /** Emitted with each frame that could be read. */
  get frameReceived(): ISignal<this, Frame> {
    return this._frameReceived;
  }

  /** Emitted with each frame that could not. */
  get frameRefused(): ISignal<this, ValidationError> {
    return this._frameRefused;
  }

  get statusChanged(): ISignal<this, StatusEvent> {
    return this._statusChanged;
  }

  /** Whether the kernel is metered; null where it could not be asked yet. */
  get metered(): boolean | null {
    return this._commId !== null ? true : this._metered;
  }

  /** Whether the connection was there once and is not now. */
  get lost(): boolean {
    return this._connected && !this.comm.connected;
  }

  /**
   * Whether this page has restarted the kernel and is connected to it anew: what is sent now waits in front of the
   * cells that are run once the restart has ended.
   */
  get readyAfterRestart(): boolean {
    return this._readyAfterRestart;
  }

  get isDisposed(): boolean {
    return this.comm.isDisposed;
  }

  /** Let the kernel be asked whether it is metered; for kernels that can be. */
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

  /** Say whether anything on the page shows figures; the kernel is told once it is idle. */
  show(visible: boolean): void {
    this._visible = visible;
    if (this.comm.status === 'idle') {
      this._sendVisible();
    }
  }

  /** Tell the kernel that the page goes away, whatever it does now. */
  leave(): void {
    this._visible = false;
    this._sendVisible();
  }

  /** Ask for all cells of the run. */
  sync(): void {
    this._missedCells = false;
    this._visibleSent = true;
    this._send({ v: 1, type: 'sync', client: this._client });
  }

  /** Put a request that has an answer; why, where none comes. */
  async ask(request: Request & { id: string }): Promise<IAnswer | NoAnswer> {
    return this._pendingRequests.wait(request.id, this._send(request));
  }

  // ---- the kernel's standing --------------------------------------------------------------------

  private _onConnection(): void {
    if (this.comm.connected) {
      // What was said while nobody listened is gone.
      this._missedCells = this._missedCells || this._connected;
      this._connected = this._probeDue = true;
      this._readyAfterRestart = this._restarting;
      this._restarting = false;
      this._onIdle();
    }
    this._statusChanged.emit('standing');
  }

  private _onStatus(_: KernelComm, status: Kernel.Status): void {
    const ended =
      status === 'restarting' ||
      status === 'autorestarting' ||
      status === 'dead';
    if (status === 'restarting') {
      // The old process may say yet that it is busy and idle; the new one is there with the next connection.
      this._restarting = true;
      this._readyAfterRestart = false;
    }
    if (ended) {
      this._reset();
    } else {
      this._onIdle();
    }
    this._statusChanged.emit(
      ended && status !== 'dead' ? 'restarted' : 'standing'
    );
  }

  /** All that was known was the old process's. */
  private _reset(): void {
    clearTimeout(this._idleTimer);
    this._processCount += 1;
    this._commId = this._metered = this._visibleSent = null;
    this._missedCells = this._hasTarget = this._busy = false;
    this._probeDue = true;
    this._loadDetector.clear();
    this._pendingRequests.cancelAll();
  }

  /** Do what waited for the kernel to be idle. */
  private _onIdle(): void {
    const { status, connected } = this.comm;
    // A kernel that is shared may never say after a restart that it is idle; a question brings that word.
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

  /** The word that a cell has ended may be lost on its way; ask for it once. */
  private _checkEnded(): void {
    if (this._busy && this.comm.status === 'idle') {
      this._busy = false;
      this.sync();
    }
  }

  /** Ask the kernel for its comms with us, and join the run that it has. */
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
    this._statusChanged.emit('standing');
  }

  /** Make this page known to the kernel; with all cells, where it may have missed some. */
  private _join(missed: boolean): void {
    if (missed && this._visible) {
      this.sync();
    } else {
      this._missedCells = this._missedCells || missed;
      this._sendVisible();
    }
  }

  /** Say whether somebody looks, if the kernel thinks otherwise. */
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

  // ---- what the kernel says ---------------------------------------------------------------------

  private _onMessage(
    _: KernelComm,
    message: KernelMessage.IIOPubMessage
  ): void {
    if (KernelMessage.isCommMsgMsg(message)) {
      this._onFrame(message.content.comm_id, message.content.data);
    } else if (KernelMessage.isCommOpenMsg(message)) {
      if (message.content.target_name === APP) {
        // Another page may close it; who is still there shows when the kernel is idle.
        this._probeDue = true;
        this._onFrame(message.content.comm_id, message.content.data, true);
      }
    } else if (KernelMessage.isCommCloseMsg(message)) {
      if (message.content.comm_id === this._commId) {
        // Its own wish; this page does not open another one.
        this._commId = null;
        this._metered = this._busy = this._hasTarget = false;
        this._statusChanged.emit('standing');
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
      return; // other people's comms
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
      // Queued behind what runs, so that the kernel knows this page before the next cell.
      this._join(!opened);
      this._statusChanged.emit('standing');
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
  /** What the kernel was told of this page; null: nothing. */
  private _visibleSent: boolean | null = null;
  /** Cells may have run that this page has not heard of. */
  private _missedCells = false;
  /** The kernel is to be asked for its comms once it is idle. */
  private _probeDue = true;
  /** The kernel is known to have our target. */
  private _hasTarget = false;
  /** The last word was that a cell runs. */
  private _busy = false;
  private _idleTimer: number | undefined;
  private readonly _loadDetector = new LoadDetector();
  private readonly _pendingRequests = new PendingRequests();
  private readonly _frameReceived = new Signal<this, Frame>(this);
  private readonly _frameRefused = new Signal<this, ValidationError>(this);
  private readonly _statusChanged = new Signal<this, StatusEvent>(this);
}
