/**
 * This page's connections to one kernel, combined.
 *
 * Each notebook has its own connection and each receives all messages, so only one of them is listened to. Requests
 * are sent as plain messages on the shell channel, because JupyterLab allows only one connection to use comms, and so
 * that they may run on a subshell beside a busy cell. The comm target is registered only because JupyterLab closes
 * comms without one.
 */
import { Kernel, KernelMessage } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

type Future = Kernel.IShellFuture;

export class KernelComm implements IDisposable {
  /**
   * @param _target - The comm target to keep open.
   */
  constructor(private readonly _target: string) {}

  /** The kernel's IOPub messages. */
  get message(): ISignal<this, KernelMessage.IIOPubMessage> {
    return this._message;
  }

  /** Emitted when the kernel's status has changed. */
  get statusChanged(): ISignal<this, Kernel.Status> {
    return this._statusChanged;
  }

  /** Emitted when the connection was established or lost. */
  get connectionChanged(): ISignal<this, void> {
    return this._connectionChanged;
  }

  /** The connection in use; null where there is none. */
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

  /** Add a connection. */
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

  /** Remove a connection; false where none is left. */
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

  /** Send data on a comm; null without a connection. */
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

  /** Open a comm from this page. The kernel must have registered the target. */
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

  /** The ids of the kernel's comms with the target; null where it did not answer. */
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
    // Rejected on restart; callers handle that themselves.
    future.done.catch(() => undefined);
    return future;
  }

  /** Listen to the first usable connection. */
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

/** Frames are read from the IOPub messages instead. */
function keepOpen(): void {
  return;
}
