/**
 * A cell's badge: one element over a corner of the cell's editor, of text alone.
 *
 * It takes no room, so that nothing moves when it comes, and it hides from sight where it would cover text. What it
 * says stays readable for who listens.
 */
import type { CodeCell } from '@jupyterlab/cells';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import { badgePosition } from './badgePosition';
import { belongsToExecution, badgeTextFor } from './badgeText';
import type { ICell } from '../tokens';
import type { Messages } from '../format/messages';

/** Pixels before the first letter of a line, with the editor's edge. */
const INDENT = 8;

export class Badge implements IDisposable {
  /**
   * @param cell - The cell, which has been drawn.
   * @param box - Its editor.
   * @param _onLayoutChange - Called when the badge may need another place.
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

  /** Show a figure; what the words are made of may have changed as well. */
  show(
    record: ICell,
    messages: Messages,
    baseline: string,
    own: boolean
  ): void {
    this._shown = { record, messages, baseline, own };
    this._draw();
  }

  /** Find the place that is free now; what is returned takes it, once all others have looked. */
  measure(): () => void {
    const { cell, box, node } = this;
    const content = box.querySelector('.cm-content');
    if (!node.isConnected || !cell.editor || !box.offsetWidth || !content) {
      return () => undefined; // not in sight
    }
    node.classList.remove('jgp-vh'); // what is clipped has no size
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
