/**
 * A cell's badge: one text element over a corner of the cell's editor.
 *
 * It is positioned absolutely, so nothing moves when it appears. Where it would cover text it is hidden visually and
 * stays available to screen readers.
 */
import type { CodeCell } from '@jupyterlab/cells';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import { badgePosition } from './badgePosition';
import { belongsToExecution, badgeTextFor } from './badgeText';
import type { ICell } from '../tokens';
import type { Messages } from '../format/messages';

/** Pixels left of a line's first character, including the editor's border. */
const INDENT = 8;

export class Badge implements IDisposable {
  /**
   * @param cell - The cell; must be rendered.
   * @param box - The node of its editor.
   * @param _onLayoutChange - Called when the badge may have to move.
   */
  constructor(
    readonly cell: CodeCell,
    readonly box: HTMLElement,
    private readonly _onLayoutChange: () => void
  ) {
    this.node.className = 'jgp-root jgp-badge';
    this.node.dataset.testid = 'green-badge';
    this.node.setAttribute('role', 'img');
    cell.model.stateChanged.connect(this._onState, this);
    cell.model.contentChanged.connect(this._onContent, this);
  }

  readonly node = document.createElement('div');

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.node.remove();
      Signal.clearData(this);
    }
  }

  /** Show a record. Call again when the messages or the baseline's name changed. */
  show(
    record: ICell,
    messages: Messages,
    baseline: string,
    own: boolean
  ): void {
    this._shown = { record, messages, baseline, own };
    this._draw();
  }

  /**
   * Measure a free position. Returns a function that moves the badge there, so that all badges are measured before any
   * moves (one layout pass).
   */
  measure(): () => void {
    const { cell, box, node } = this;
    const content = box.querySelector('.cm-content');
    if (!node.isConnected || !cell.editor || !box.offsetWidth || !content) {
      return () => undefined; // not rendered or hidden
    }
    node.classList.remove('jgp-vh'); // a visually hidden element has no size
    const toolbar = cell.node.querySelector<HTMLElement>('.jp-cell-toolbar');
    const gutters = box.querySelector<HTMLElement>('.cm-gutters');
    const position = badgePosition(
      { width: node.offsetWidth, height: node.offsetHeight },
      {
        width: box.offsetWidth,
        height: box.offsetHeight,
        margin: (gutters?.offsetWidth ?? 0) + INDENT,
        padding: parseFloat(getComputedStyle(content).paddingTop) || 0,
        charWidth: cell.editor.charWidth,
        lineHeight: cell.editor.lineHeight
      },
      cell.model.sharedModel.getSource().split('\n'),
      { width: toolbar?.offsetWidth ?? 0, height: toolbar?.offsetHeight ?? 0 }
    );
    return () => {
      node.classList.toggle('jgp-vh', position === null);
      node.classList.toggle('jgp-mod-low', position?.at === 'bottom');
      node.style.right = position === null ? '' : `${position.right}px`;
    };
  }

  private _draw(): void {
    if (this._shown === null) {
      return;
    }
    const { record, messages, baseline, own } = this._shown;
    const count = this.cell.model.executionCount;
    if (count !== null) {
      this._watched = null;
    } else if (record.status === 'running') {
      this._watched = record.id;
    }
    const badgeText = belongsToExecution(record, count, this._watched, own)
      ? badgeTextFor(messages, record, baseline)
      : null;
    if (badgeText === null) {
      this.node.remove();
      return;
    }
    const lengthChanged =
      badgeText.text.length !== this.node.textContent?.length;
    if (badgeText.text !== this.node.textContent) {
      this.node.textContent = badgeText.text;
    }
    if (badgeText.sentence !== this.node.title) {
      this.node.title = badgeText.sentence;
      this.node.setAttribute('aria-label', badgeText.sentence);
    }
    const area = this.cell.inputArea?.node;
    if (area && this.node.parentElement !== area) {
      area.append(this.node);
    } else if (!lengthChanged) {
      return;
    }
    this._onLayoutChange();
  }

  private _onState(_: unknown, { name }: { name: string }): void {
    if (name === 'executionCount') {
      this._draw();
    }
  }

  private _onContent(): void {
    this._onLayoutChange();
  }

  private _shown: {
    record: ICell;
    messages: Messages;
    baseline: string;
    own: boolean;
  } | null = null;
  private _watched: string | null = null;
  private _isDisposed = false;
}
