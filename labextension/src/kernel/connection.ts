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

import { APP, isMarked, readFrame } from './frames';
import { Inquiries, type Silence } from './pendingRequests';
import { Loading } from './extensionLoaded';
import { Refusal } from '../schema/validators';
import type { Frame, IAnswer, Request } from '../tokens';
import { Wire } from './kernelComm';

/** What changed beside frames: the kernel's standing, or everything, because it was restarted. */
export type Turn = 'standing' | 'restarted';

/** Milliseconds after which an idle kernel that was last seen busy is asked. */
const SETTLING = 3000;

export class KernelLink implements IDisposable {
  /**
   * @param id - The kernel's id.
   * @param client - What this page is called in requests.
   */
  constructor(
    readonly id: string,
    private readonly _client: string
  ) {
    this.wire.message.connect(this._onMessage, this);
    this.wire.statusChanged.connect(this._onStatus, this);
    this.wire.connectionChanged.connect(this._onConnection, this);
  }

  readonly wire = new Wire(APP);

  /** Emitted with each frame that could be read. */
  get heard(): ISignal<this, Frame> {
    return this._heard;
  }

  /** Emitted with each frame that could not. */
  get refused(): ISignal<this, Refusal> {
    return this._refused;
  }

  get turned(): ISignal<this, Turn> {
    return this._turned;
  }

  /** Whether the kernel is metered; null where it could not be asked yet. */
  get metered(): boolean | null {
    return this._comm !== null ? true : this._metered;
  }

  /** Whether the connection was there once and is not now. */
  get lost(): boolean {
    return this._connected && !this.wire.connected;
  }

  /**
   * Whether this page has restarted the kernel and is connected to it anew: what is sent now waits in front of the
   * cells that are run once the restart has ended.
   */
  get ahead(): boolean {
    return this._ahead;
  }

  get isDisposed(): boolean {
    return this.wire.isDisposed;
  }

  /** Let the kernel be asked whether it is metered; for kernels that can be. */
  listen(): void {
    if (!this._listening) {
      this._listening = true;
      this._idle();
    }
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.wire.dispose();
      this._forget();
      Signal.clearData(this);
    }
  }

  /** Say whether anything on the page shows figures; the kernel is told once it is idle. */
  show(visible: boolean): void {
    this._visible = visible;
    if (this.wire.status === 'idle') {
      this._tell();
    }
  }

  /** Tell the kernel that the page goes away, whatever it does now. */
  leave(): void {
    this._visible = false;
    this._tell();
  }

  /** Ask for all cells of the run. */
  sync(): void {
    this._missed = false;
    this._told = true;
    this._say({ v: 1, type: 'sync', client: this._client });
  }

  /** Put a request that has an answer; why, where none comes. */
  async ask(request: Request & { id: string }): Promise<IAnswer | Silence> {
    return this._inquiries.wait(request.id, this._say(request));
  }

  // ---- the kernel's standing --------------------------------------------------------------------

  private _onConnection(): void {
    if (this.wire.connected) {
      // What was said while nobody listened is gone.
      this._missed = this._missed || this._connected;
      this._connected = this._due = true;
      this._ahead = this._restarting;
      this._restarting = false;
      this._idle();
    }
    this._turned.emit('standing');
  }

  private _onStatus(_: Wire, status: Kernel.Status): void {
    const over =
      status === 'restarting' ||
      status === 'autorestarting' ||
      status === 'dead';
    if (status === 'restarting') {
      // The old process may say yet that it is busy and idle; the new one is there with the next connection.
      this._restarting = true;
      this._ahead = false;
    }
    if (over) {
      this._forget();
    } else {
      this._idle();
    }
    this._turned.emit(over && status !== 'dead' ? 'restarted' : 'standing');
  }

  /** All that was known was the old process's. */
  private _forget(): void {
    clearTimeout(this._settling);
    this._era += 1;
    this._comm = this._metered = this._told = null;
    this._missed = this._loaded = this._busy = false;
    this._due = true;
    this._loading.clear();
    this._inquiries.end();
  }

  /** Do what waited for the kernel to be idle. */
  private _idle(): void {
    const { status, connected } = this.wire;
    // A kernel that is shared may never say after a restart that it is idle; a question brings that word.
    const silent =
      this._due &&
      this._era > 0 &&
      connected &&
      /unknown|starting/.test(status);
    if (!this._listening || (status !== 'idle' && !silent)) {
      return;
    }
    if (this._due) {
      this._due = false;
      void this._probe();
    } else {
      this._tell();
    }
    clearTimeout(this._settling);
    if (this._busy && this._told !== false) {
      this._settling = window.setTimeout(() => this._settle(), SETTLING);
    }
  }

  /** The word that a cell has ended may be lost on its way; ask for it once. */
  private _settle(): void {
    if (this._busy && this.wire.status === 'idle') {
      this._busy = false;
      this.sync();
    }
  }

  /** Ask the kernel for its comms with us, and join the run that it has. */
  private async _probe(): Promise<void> {
    const era = this._era;
    const found = await this.wire.comms();
    if (era !== this._era || this.isDisposed) {
      return;
    }
    if (found !== null && found.length > 0) {
      const known = this._comm !== null && found.includes(this._comm);
      if (!known) {
        this._comm = found[found.length - 1];
      }
      this._join(!known || this._missed);
    } else if (this._loaded) {
      this._comm = UUID.uuid4();
      this._told = true;
      this.wire.open(this._comm, {
        v: 1,
        type: 'sync',
        client: this._client
      });
    } else {
      this._comm = null;
      this._metered = false;
    }
    this._turned.emit('standing');
  }

  /** Make this page known to the kernel; with all cells, where it may have missed some. */
  private _join(missed: boolean): void {
    if (missed && this._visible) {
      this.sync();
    } else {
      this._missed = this._missed || missed;
      this._tell();
    }
  }

  /** Say whether somebody looks, if the kernel thinks otherwise. */
  private _tell(): void {
    if (this._comm === null || this._told === this._visible) {
      return;
    }
    this._told = this._visible;
    this._say({
      v: 1,
      type: 'visible',
      client: this._client,
      visible: this._visible
    });
    if (this._visible && this._missed) {
      this.sync();
    }
  }

  private _say(request: Request): Kernel.IShellFuture | null {
    return this._comm === null ? null : this.wire.send(this._comm, request);
  }

  // ---- what the kernel says ---------------------------------------------------------------------

  private _onMessage(_: Wire, message: KernelMessage.IIOPubMessage): void {
    if (KernelMessage.isCommMsgMsg(message)) {
      this._hear(message.content.comm_id, message.content.data);
    } else if (KernelMessage.isCommOpenMsg(message)) {
      if (message.content.target_name === APP) {
        // Another page may close it; who is still there shows when the kernel is idle.
        this._due = true;
        this._hear(message.content.comm_id, message.content.data, true);
      }
    } else if (KernelMessage.isCommCloseMsg(message)) {
      if (message.content.comm_id === this._comm) {
        // Its own wish; this page does not open another one.
        this._comm = null;
        this._metered = this._busy = this._loaded = false;
        this._turned.emit('standing');
      }
    } else if (KernelMessage.isExecuteInputMsg(message)) {
      this._missed = this._missed || this._told === false;
    }
    if (this._loading.hear(message)) {
      this._loaded = this._due = true;
      this._idle();
    }
  }

  private _hear(comm: string, data: unknown, opened = false): void {
    if (comm !== this._comm && !isMarked(data)) {
      return; // other people's comms
    }
    const frame = readFrame(data);
    if (frame instanceof Refusal) {
      this._refused.emit(frame);
      return;
    }
    if (frame.type === 'answer') {
      this._inquiries.answer(frame);
      return;
    }
    const first = this._comm === null;
    this._comm = comm;
    this._loaded = true;
    if (frame.type === 'snapshot') {
      this._busy = frame.phase === 'busy';
    }
    this._heard.emit(frame);
    if (first) {
      // Queued behind what runs, so that the kernel knows this page before the next cell.
      this._join(!opened);
      this._turned.emit('standing');
    }
  }

  private _era = 0;
  private _comm: string | null = null;
  private _metered: boolean | null = null;
  private _listening = false;
  private _connected = false;
  private _restarting = false;
  private _ahead = false;
  private _visible = false;
  /** What the kernel was told of this page; null: nothing. */
  private _told: boolean | null = null;
  /** Cells may have run that this page has not heard of. */
  private _missed = false;
  /** The kernel is to be asked for its comms once it is idle. */
  private _due = true;
  /** The kernel is known to have our target. */
  private _loaded = false;
  /** The last word was that a cell runs. */
  private _busy = false;
  private _settling: number | undefined;
  private readonly _loading = new Loading();
  private readonly _inquiries = new Inquiries();
  private readonly _heard = new Signal<this, Frame>(this);
  private readonly _refused = new Signal<this, Refusal>(this);
  private readonly _turned = new Signal<this, Turn>(this);
}
