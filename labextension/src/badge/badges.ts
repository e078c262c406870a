/**
 * Decides which cells have a badge, and when badges are placed.
 *
 * JupyterLab renders cells lazily: a cell that was never visible has no editor and gets its badge once it is rendered.
 * Cells that JupyterLab keeps detached are left alone.
 *
 * Badges show live figures: while a notebook with badges is visible, its kernel is asked for them.
 */
import type { Cell, CodeCell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import { Badge } from './badge';
import type { Preferences } from '../state/settings';
import type { ICell, IEnergyModel } from '../tokens';
import { Messages } from '../format/messages';

/** The badges of all open notebooks, with their messages and settings. */
export class Badges {
  constructor(
    readonly model: IEnergyModel,
    private readonly _trans: TranslationBundle,
    private readonly _preferences: Preferences
  ) {
    this._messages = new Messages(_trans, _preferences.current.unit);
    _preferences.changed.connect(this._updateVisibility, this);
  }

  /** Whether the settings enable badges. */
  get wanted(): boolean {
    return this._preferences.current.badge;
  }

  /** A new object whenever the unit has changed. */
  get messages(): Messages {
    const { unit } = this._preferences.current;
    if (this._messages.choice !== unit) {
      this._messages = new Messages(this._trans, unit);
    }
    return this._messages;
  }

  add(notebook: NotebookPanel): void {
    new NotebookBadges(notebook, this);
    this._open += 1;
    notebook.disposed.connect(() => {
      this._open -= 1;
      this._updateVisibility();
    });
    this._updateVisibility();
  }

  private _updateVisibility(): void {
    this.model.show(
      'badges',
      this.wanted && this._open > 0 ? 'cells' : 'nothing'
    );
  }

  private _messages: Messages;
  private _open = 0;
}

/** The badges of one notebook. */
class NotebookBadges implements IDisposable {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _parent: Badges
  ) {
    const { content } = _panel;
    _parent.model.changed.connect(this._update, this);
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
      this._toolbarObserver.disconnect();
      this._clear();
      this._sizeObserver.disconnect();
    }
  }

  private _update(): void {
    this._showFigures(this._panel.content.widgets);
    this._placeBadges();
  }

  /** Show the badges of those cells that have a record. */
  private _showFigures(widgets: Iterable<Cell>): void {
    const { model, messages, wanted } = this._parent;
    if (!wanted) {
      this._clear();
      return;
    }
    if (messages !== this._messages) {
      this._messages = messages;
      this._shown = new WeakMap();
    }
    const path = this._panel.context.localPath;
    const { notebook, baseline } = model.state;
    const name =
      notebook === path && baseline !== null
        ? messages.baseline(baseline)
        : messages.trans.__('baseline');
    const cells = model.cellsOf(path);
    for (const cell of widgets) {
      const record = cells.get(this._idOf(cell));
      if (record !== this._shown.get(cell) && !cell.isDisposed) {
        this._shown.set(cell, record);
        if (record === undefined || cell.model.type !== 'code') {
          this._removeBadge(cell);
        } else {
          const badge = this._badges.get(cell) ?? this._createBadge(cell);
          badge?.show(record, messages, name, cells.own);
        }
      }
    }
  }

  /** Cell ids are cached: `cell.model.id` searches, and there may be 10,000 cells and five updates a second. */
  private _idOf(cell: Cell): string {
    let id = this._ids.get(cell);
    if (id === undefined) {
      id = cell.model.id;
      this._ids.set(cell, id);
    }
    return id;
  }

  private _createBadge(cell: Cell): Badge | null {
    if (cell.isPlaceholder()) {
      if (!this._awaitingDraw.has(cell)) {
        this._awaitingDraw.add(cell);
        void cell.ready.then(() => {
          this._shown.delete(cell);
          this._newlyDrawn.add(cell);
          this._schedule();
        });
      }
      return null;
    }
    const box = cell.editorWidget?.node;
    if (box === undefined) {
      return null; // not rendered by JupyterLab
    }
    const badge = new Badge(cell as CodeCell, box, () =>
      this._queuePlacement(cell)
    );
    this._badges.set(cell, badge);
    cell.disposed.connect(this._removeBadge, this);
    this._cellByEditor.set(badge.box, cell);
    this._sizeObserver.observe(badge.box);
    return badge;
  }

  private _removeBadge(cell: Cell): void {
    const badge = this._badges.get(cell);
    if (badge === undefined) {
      return;
    }
    this._sizeObserver.unobserve(badge.box);
    this._badges.delete(cell);
    this._unplaced.delete(badge);
    badge.dispose();
  }

  private _clear(): void {
    [...this._badges.keys()].forEach(this._removeBadge, this);
    this._shown = new WeakMap();
  }

  /** Place badges with the next frame: cells were rendered, or a badge may have to move. */
  private _schedule(): void {
    if (!this._scheduled) {
      this._scheduled = true;
      requestAnimationFrame(() => {
        this._scheduled = false;
        if (!this._isDisposed) {
          this._showFigures(this._newlyDrawn);
          this._newlyDrawn.clear();
          this._placeBadges();
        }
      });
    }
  }

  /** Measure all badges before moving any, so that the browser computes the layout once. */
  private _placeBadges(): void {
    const moves = [...this._unplaced].map(badge => badge.measure());
    this._unplaced.clear();
    moves.forEach(move => move());
  }

  private _onModel(): void {
    const cells = this._panel.content.model?.cells;
    cells?.changed.connect(this._onCells, this);
    this._onCells();
  }

  /** JupyterLab updates its widgets after this signal, so wait for the next frame. */
  private _onCells(): void {
    requestAnimationFrame(() => {
      if (!this._isDisposed) {
        this._update();
      }
    });
  }

  /** JupyterLab moves its toolbar to the active cell asynchronously, so watch for it. */
  private _onActive(): void {
    this._toolbarObserver.disconnect();
    const cell = this._panel.content.activeCell;
    const area = cell?.inputArea?.node;
    if (cell && area) {
      this._toolbarObserver.observe(area, { childList: true });
      this._toolbarObserver.observe(cell.node, { attributeFilter: ['class'] });
    }
    this._queuePlacement(this._active);
    this._active = cell;
    this._queuePlacement(cell);
  }

  private _queuePlacement(cell: Cell | null): void {
    const badge = cell && this._badges.get(cell);
    if (badge) {
      this._unplaced.add(badge);
      this._schedule();
    }
  }

  private readonly _badges = new Map<Cell, Badge>();
  private _shown = new WeakMap<Cell, ICell | undefined>();
  private readonly _unplaced = new Set<Badge>();
  private readonly _awaitingDraw = new WeakSet<Cell>();
  /** Cells rendered since the last update. */
  private readonly _newlyDrawn = new Set<Cell>();
  private readonly _ids = new WeakMap<Cell, string>();
  /** Cells by the nodes of their editors. */
  private readonly _cellByEditor = new WeakMap<Element, Cell>();
  private readonly _sizeObserver = new ResizeObserver(entries =>
    entries.forEach(({ target }) =>
      this._queuePlacement(this._cellByEditor.get(target) ?? null)
    )
  );
  private readonly _toolbarObserver = new MutationObserver(() =>
    this._queuePlacement(this._active)
  );
  private _active: Cell | null = null;
  private _messages: Messages | null = null;
  private _scheduled = false;
  private _isDisposed = false;
}
