/**
 * The kernels of the open notebooks, and what is known of each.
 *
 * State belongs to a kernel, not to a notebook: two notebooks may share one, and one that moves to another kernel and
 * back finds its figures again. A kernel that no notebook uses any more is let go.
 */
import type { Kernel } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import { KernelLink, type Turn } from './connection';
import type { OpenNotebook } from '../notebook/notebook';
import { Run, type IChange } from '../state/run';
import type { Refusal } from '../schema/validators';
import type { Frame } from '../tokens';

/** What is known of one kernel. */
export interface IKnown {
  readonly link: KernelLink;
  readonly run: Run;
  /** Why the last frame could not be read; null once one could. */
  refusal: Refusal | null;
  /** A sentence of the page's own on this kernel. */
  said: string | null;
  /** jupyter_green is being loaded by this page. */
  loading: boolean;
  /** Loading found that the package is not there. */
  missing: boolean;
  /** Loading was tried without being asked for this process. */
  tried: boolean;
  /** A person had this page start metering, and did not have it stopped since. */
  wanted: boolean;
  /** It was metered, and its process was restarted since. */
  lapsed: boolean;
}

/** Something new about a kernel; `change` where it came with a frame. */
export interface INews {
  known: IKnown;
  change: IChange | null;
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

  get news(): ISignal<this, INews> {
    return this._news;
  }

  /** What is known of a notebook's kernel. */
  of(notebook: OpenNotebook | null): IKnown | null {
    const connection = notebook && this._used.get(notebook);
    return (connection && this._known.get(connection.id)) ?? null;
  }

  get all(): readonly IKnown[] {
    return [...this._known.values()];
  }

  /** Follow a notebook to the kernel that it has now, if any. */
  follow(notebook: OpenNotebook): void {
    const last = this._used.get(notebook);
    const next = notebook.isDisposed ? null : notebook.kernel;
    if (last === (next ?? undefined)) {
      return;
    }
    if (next !== null) {
      this._used.set(notebook, next);
      this._enter(next).link.wire.attach(next);
    } else {
      this._used.delete(notebook);
    }
    if (last !== undefined) {
      this._leave(last);
    }
  }

  /** A notebook was closed. */
  drop(notebook: OpenNotebook): void {
    const last = this._used.get(notebook);
    this._used.delete(notebook);
    if (last !== undefined) {
      this._leave(last);
    }
  }

  /** Say to each kernel whether anything on the page shows its figures; to new ones that something does. */
  show(seen: ReadonlySet<IKnown | null>): void {
    this._visible = seen.size > 0;
    this.all.forEach(known => known.link.show(seen.has(known)));
  }

  private _enter({ id }: Kernel.IKernelConnection): IKnown {
    const there = this._known.get(id);
    if (there !== undefined) {
      return there;
    }
    const known: IKnown = {
      link: new KernelLink(id, this._client),
      run: new Run(),
      refusal: null,
      said: null,
      loading: false,
      missing: false,
      tried: false,
      wanted: false,
      lapsed: false
    };
    known.link.show(this._visible);
    known.link.heard.connect((_, frame) => this._hear(known, frame));
    known.link.refused.connect((_, refusal) => {
      known.refusal = refusal;
      this._tell(known);
    });
    known.link.turned.connect((_, turn) => this._turn(known, turn));
    this._known.set(id, known);
    return known;
  }

  private _leave(connection: Kernel.IKernelConnection): void {
    const known = this._known.get(connection.id);
    if (known === undefined) {
      return;
    }
    // Two notebooks may hold the very same connection only by mistake; each has its own.
    if (!known.link.wire.detach(connection)) {
      this._known.delete(connection.id);
      known.link.dispose();
    }
  }

  private _hear(known: IKnown, frame: Frame): void {
    known.refusal = null;
    if (frame.type === 'answer') {
      return;
    }
    const change =
      frame.type === 'snapshot'
        ? known.run.take(frame, this._now())
        : known.run.recall(frame);
    this._tell(known, change);
  }

  private _turn(known: IKnown, turn: Turn): void {
    if (turn === 'restarted') {
      // One turn says that it restarts, and the next may say so again: what was known was forgotten with the first.
      known.lapsed =
        known.lapsed || known.wanted || known.run.snapshot !== null;
      known.run.clear();
      known.refusal = known.said = null;
      known.missing = known.tried = false;
    }
    this._tell(known, null, turn === 'restarted');
  }

  private _tell(
    known: IKnown,
    change: IChange | null = null,
    restarted = false
  ): void {
    this._news.emit({ known, change, restarted });
  }

  private _visible = false;
  private readonly _known = new Map<string, IKnown>();
  private readonly _used = new Map<OpenNotebook, Kernel.IKernelConnection>();
  private readonly _news = new Signal<this, INews>(this);
}
