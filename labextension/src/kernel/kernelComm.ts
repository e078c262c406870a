/**
 * The connections of this page to one kernel, as one.
 *
 * Each notebook brings a connection of its own, and all of them receive every message; so one listens and the others
 * stand by. Requests go out as plain messages on the shell channel, because only one connection may use JupyterLab's
 * comms, and because those may run beside a busy cell. The target is registered for one reason: JupyterLab closes comms
 * that nobody wants.
 */
import { Kernel, KernelMessage } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

type Future = Kernel.IShellFuture;

export class KernelComm implements IDisposable {
  /**
   * @param _target - The comm target that is kept open.
   */
  constructor(private readonly _target: string) {}

  /** What the kernel publishes. */
  get message(): ISignal<this, KernelMessage.IIOPubMessage> {
    return this._message;
  }

  /** The status of the kernel has changed. */
  get statusChanged(): ISignal<this, Kernel.Status> {
    return this._statusChanged;
  }

  /** The connection came or went. */
  get connectionChanged(): ISignal<this, void> {
    return this._connectionChanged;
  }

  /** The connection that listens; null where there is none any more. */
  get kernel(): Kernel.IKernelConnection | null {
    return this._kernel;
  }

  get status(): Kernel.Status {
    return this._kernel?.status ?? 'dead';
  }

  get connected(): boolean {
    return this._kernel?.connectionStatus === 'connected';
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Use one more connection. */
  attach(kernel: Kernel.IKernelConnection): void {
    if (this._connections.includes(kernel)) {
      return;
    }
    this._connections.push(kernel);
    if (kernel.handleComms) {
      kernel.registerCommTarget(this._target, keepOpen);
    }
    this._selectConnection();
  }

  /** Give a connection up; false where none is left. */
  detach(kernel: Kernel.IKernelConnection): boolean {
    this._connections = this._connections.filter(each => each !== kernel);
    if (!kernel.isDisposed && kernel.handleComms) {
      kernel.removeCommTarget(this._target, keepOpen);
    }
    this._selectConnection();
    return this._connections.length > 0;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    for (const kernel of [...this._connections]) {
      this.detach(kernel);
    }
    Signal.clearData(this);
  }

  /** Send data on a comm; null where there is nobody to send it to. */
  send(commId: string, data: JSONObject): Future | null {
    return this._send(({ username, clientId }) =>
      KernelMessage.createMessage<KernelMessage.ICommMsgMsg<'shell'>>({
        msgType: 'comm_msg',
        channel: 'shell',
        username,
        session: clientId,
        content: { comm_id: commId, data }
      })
    );
  }

  /** Open a comm of this page's own. Only to a kernel that is known to have the target. */
  open(commId: string, data: JSONObject): Future | null {
    return this._send(({ username, clientId }) =>
      KernelMessage.createMessage<KernelMessage.ICommOpenMsg<'shell'>>({
        msgType: 'comm_open',
        channel: 'shell',
        username,
        session: clientId,
        content: { comm_id: commId, target_name: this._target, data }
      })
    );
  }

  /** Ask the kernel for its comms with the target; null where it could not answer. */
  async listComms(): Promise<string[] | null> {
    try {
      const reply = await this._kernel?.requestCommInfo({
        target_name: this._target
      });
      if (reply === undefined || reply.content.status !== 'ok') {
        return null;
      }
      return Object.entries(reply.content.comms)
        .filter(([_, comm]) => comm.target_name === this._target)
        .map(([id]) => id);
    } catch {
      return null; // restarted, died or closed before the answer
    }
  }

  private _send(
    make: (
      kernel: Kernel.IKernelConnection
    ) => KernelMessage.IShellMessage<KernelMessage.ShellMessageType>
  ): Future | null {
    const kernel = this._kernel;
    if (kernel === null || kernel.isDisposed || kernel.status === 'dead') {
      return null;
    }
    const future = kernel.sendShellMessage(make(kernel));
    // A restart cancels it; who waits for it hears of that, and nobody else has to.
    future.done.catch(() => undefined);
    return future;
  }

  /** Listen on the first connection that is left. */
  private _selectConnection(): void {
    const next = this._connections.find(each => !each.isDisposed) ?? null;
    const previous = this._kernel;
    if (next === previous) {
      return;
    }
    if (previous !== null && !previous.isDisposed) {
      previous.iopubMessage.disconnect(this._onMessage, this);
      previous.statusChanged.disconnect(this._onStatus, this);
      previous.connectionStatusChanged.disconnect(this._onConnection, this);
    }
    this._kernel = next;
    if (next !== null) {
      next.iopubMessage.connect(this._onMessage, this);
      next.statusChanged.connect(this._onStatus, this);
      next.connectionStatusChanged.connect(this._onConnection, this);
      this._connectionChanged.emit();
    }
  }

  private _onMessage(_: unknown, message: KernelMessage.IIOPubMessage): void {
    this._message.emit(message);
  }

  private _onStatus(_: unknown, status: Kernel.Status): void {
    this._statusChanged.emit(status);
  }

  private _onConnection(): void {
    this._connectionChanged.emit();
  }

  private _kernel: Kernel.IKernelConnection | null = null;
  private _connections: Kernel.IKernelConnection[] = [];
  private _isDisposed = false;
  private readonly _message = new Signal<this, KernelMessage.IIOPubMessage>(
    this
  );
  private readonly _statusChanged = new Signal<this, Kernel.Status>(this);
  private readonly _connectionChanged = new Signal<this, void>(this);
}

/** The frames are read where all messages pass. */
function keepOpen(): void {
  return;
}
