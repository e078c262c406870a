/**
 * Which cells have a badge, and when badges look for their place.
 *
 * Cells come and go as JupyterLab draws them: one that was never in sight has no editor yet and gets its badge when it
 * is drawn. What JupyterLab keeps outside the page stays as it is and is right when it comes back.
 * Badges are live figures like those of the panel: while a notebook with any is shown, its kernel is asked for them.
 */
import type { Cell, CodeCell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import { Badge } from './badge';
import type { Preferences } from '../state/settings';
import type { ICell, IEnergyModel } from '../tokens';
import { Words } from '../format/messages';

/** The badges of all open notebooks, and what they share: the words, and whether a person wants them. */
export class Badges {
  constructor(
    readonly model: IEnergyModel,
    private readonly _trans: TranslationBundle,
    private readonly _chosen: Preferences
  ) {
    this._words = new Words(_trans, _chosen.current.unit);
    _chosen.changed.connect(this._show, this);
  }

  /** Whether badges are wanted. */
  get wanted(): boolean {
    return this._chosen.current.badge;
  }

  /** Another object where a person has chosen another unit. */
  get words(): Words {
    const { unit } = this._chosen.current;
    if (this._words.choice !== unit) {
      this._words = new Words(this._trans, unit);
    }
    return this._words;
  }

  add(notebook: NotebookPanel): void {
    new NotebookBadges(notebook, this);
    this._open += 1;
    notebook.disposed.connect(() => {
      this._open -= 1;
      this._show();
    });
    this._show();
  }

  private _show(): void {
    this.model.show(
      'badges',
      this.wanted && this._open > 0 ? 'cells' : 'nothing'
    );
  }

  private _words: Words;
  private _open = 0;
}

/** The badges of one notebook. */
class NotebookBadges implements IDisposable {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _all: Badges
  ) {
    const { content } = _panel;
    _all.model.changed.connect(this._update, this);
    content.modelChanged.connect(this._onModel, this);
    content.activeCellChanged.connect(this._onActive, this);
    _panel.disposed.connect(() => this.dispose());
    this._onModel();
    this._onActive();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      Signal.clearData(this);
      this._bar.disconnect();
      this._clear();
      this._sizes.disconnect();
    }
  }

  private _update(): void {
    this._see(this._panel.content.widgets);
    this._settle();
  }

  /** Give those of the cells whose figures are known their badges. */
  private _see(some: Iterable<Cell>): void {
    const { model, words: said, wanted } = this._all;
    if (!wanted) {
      this._clear();
      return;
    }
    if (said !== this._said) {
      this._said = said;
      this._shown = new WeakMap();
    }
    const path = this._panel.context.localPath;
    const { notebook, baseline } = model.state;
    const name =
      notebook === path && baseline !== null
        ? said.baseline(baseline)
        : said.trans.__('baseline');
    const cells = model.cellsOf(path);
    for (const cell of some) {
      const known = cells.get(this._idOf(cell));
      if (known !== this._shown.get(cell) && !cell.isDisposed) {
        this._shown.set(cell, known);
        if (known === undefined || cell.model.type !== 'code') {
          this._drop(cell);
        } else {
          const badge = this._badges.get(cell) ?? this._make(cell);
          badge?.show(known, said, name, cells.own);
        }
      }
    }
  }

  /** JupyterLab looks an id up each time; ten thousand of them five times a second are too many for that. */
  private _idOf(cell: Cell): string {
    let id = this._ids.get(cell);
    if (id === undefined) {
      id = cell.model.id;
      this._ids.set(cell, id);
    }
    return id;
  }

  private _make(cell: Cell): Badge | null {
    if (cell.isPlaceholder()) {
      if (!this._awaited.has(cell)) {
        this._awaited.add(cell);
        void cell.ready.then(() => {
          this._shown.delete(cell);
          this._late.add(cell);
          this._soon();
        });
      }
      return null;
    }
    const box = cell.editorWidget?.node;
    if (box === undefined) {
      return null; // no cell that JupyterLab has drawn
    }
    const badge = new Badge(cell as CodeCell, box, () => this._unsettle(cell));
    this._badges.set(cell, badge);
    cell.disposed.connect(this._drop, this);
    this._cells.set(badge.box, cell);
    this._sizes.observe(badge.box);
    return badge;
  }

  private _drop(cell: Cell): void {
    const badge = this._badges.get(cell);
    if (badge === undefined) {
      return;
    }
    this._sizes.unobserve(badge.box);
    this._badges.delete(cell);
    this._unsettled.delete(badge);
    badge.dispose();
  }

  private _clear(): void {
    [...this._badges.keys()].forEach(this._drop, this);
    this._shown = new WeakMap();
  }

  /** Cells were drawn, or a badge may need another place. */
  private _soon(): void {
    if (!this._coming) {
      this._coming = true;
      requestAnimationFrame(() => {
        this._coming = false;
        if (!this._isDisposed) {
          this._see(this._late);
          this._late.clear();
          this._settle();
        }
      });
    }
  }

  /** All look first and move then, so that the browser measures once. */
  private _settle(): void {
    const moves = [...this._unsettled].map(badge => badge.look());
    this._unsettled.clear();
    moves.forEach(move => move());
  }

  private _onModel(): void {
    const cells = this._panel.content.model?.cells;
    cells?.changed.connect(this._onCells, this);
    this._onCells();
  }

  /** Which widgets there are then is known once JupyterLab has heard of it too. */
  private _onCells(): void {
    requestAnimationFrame(() => {
      if (!this._isDisposed) {
        this._update();
      }
    });
  }

  /** JupyterLab moves its toolbar to the cell that has the focus, some time later. */
  private _onActive(): void {
    this._bar.disconnect();
    const cell = this._panel.content.activeCell;
    const area = cell?.inputArea?.node;
    if (cell && area) {
      this._bar.observe(area, { childList: true });
      this._bar.observe(cell.node, { attributeFilter: ['class'] });
    }
    this._unsettle(this._active);
    this._active = cell;
    this._unsettle(cell);
  }

  private _unsettle(cell: Cell | null): void {
    const badge = cell && this._badges.get(cell);
    if (badge) {
      this._unsettled.add(badge);
      this._soon();
    }
  }

  private readonly _badges = new Map<Cell, Badge>();
  private _shown = new WeakMap<Cell, ICell | undefined>();
  private readonly _unsettled = new Set<Badge>();
  private readonly _awaited = new WeakSet<Cell>();
  /** Cells that were drawn since the last look. */
  private readonly _late = new Set<Cell>();
  private readonly _ids = new WeakMap<Cell, string>();
  /** The cells by their editors. */
  private readonly _cells = new WeakMap<Element, Cell>();
  private readonly _sizes = new ResizeObserver(entries =>
    entries.forEach(({ target }) =>
      this._unsettle(this._cells.get(target) ?? null)
    )
  );
  private readonly _bar = new MutationObserver(() =>
    this._unsettle(this._active)
  );
  private _active: Cell | null = null;
  private _said: Words | null = null;
  private _coming = false;
  private _isDisposed = false;
}
