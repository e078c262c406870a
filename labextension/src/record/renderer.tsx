/**
 * Draws a record where JupyterLab would draw its HTML: with the words and the unit that a person chose.
 *
 * It is safe for notebooks that nobody trusts, since nothing of a record is ever more than text. JupyterLab keeps the
 * HTML beside it for every other front end.
 */
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { h } from '../element';

import type { Preferences } from '../settings';
import { Refusal } from '../shape';
import { Words } from '../words';
import type { IRecord } from './energy';
import { MIME, readRecord } from './schema';
import { Record } from './view';

/** Before HTML, whose rank is 50. */
const RANK = 40;

class RecordOutput extends ReactWidget implements IRenderMime.IRenderer {
  constructor(
    private readonly _trans: TranslationBundle,
    private readonly _chosen: Preferences
  ) {
    super();
    this.addClass('jgp-root');
    this.addClass('jgp-record');
    this.node.dataset.testid = 'green-record';
    _chosen.changed.connect(() => this.update(), this);
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this._record = readRecord(model.data[MIME]);
    this.update();
    await this.renderPromise;
  }

  protected override render(): JSX.Element | null {
    return this._record === null ? null : (
      <Record
        words={new Words(this._trans, this._chosen.current.unit)}
        record={this._record}
      />
    );
  }

  private _record: IRecord | Refusal | null = null;
}

/** Makes what draws records. */
export function factory(
  trans: TranslationBundle,
  chosen: Preferences
): IRenderMime.IRendererFactory {
  return {
    safe: true,
    mimeTypes: [MIME],
    defaultRank: RANK,
    createRenderer: () => new RecordOutput(trans, chosen)
  };
}
