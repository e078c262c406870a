/**
 * The model of the panel: what is known, and what a person can ask for.
 *
 * Everything that runs in a kernel is a line that a person could have typed, and runs because one asked. What the
 * kernel can't be asked for while it is busy waits its turn; every request ends with a sentence.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { UUID } from '@lumino/coreutils';

import { APP, VERSION } from '../kernel/frames';
import type { Silence } from '../kernel/pendingRequests';
import type { IKnown } from '../kernel/kernels';
import { load } from '../kernel/meteringCode';
import type { OpenNotebook } from '../notebook/notebook';
import { Fault, type EnergyServer } from '../ledger/client';
import { EnergyState, type ISources } from './state';
import type {
  Account,
  BaselineAction,
  IAnswer,
  ICell,
  IEnergyModel,
  Request
} from '../tokens';

/** What the page does for the model. */
export interface IHands {
  commands: JupyterFrontEnd['commands'];
  shell: JupyterFrontEnd.IShell;
  server: EnergyServer;
  /** Run a line in the notebook's kernel and show what it prints. */
  present(notebook: OpenNotebook, line: string): Promise<void>;
  /** Say a sentence to the person in passing. */
  mention(sentence: string): void;
}

export class EnergyModel extends EnergyState implements IEnergyModel {
  constructor(
    sources: ISources,
    private readonly _hands: IHands
  ) {
    super(sources);
  }

  async startMetering(): Promise<void> {
    const known = this.known;
    if (known === null) {
      return;
    }
    if (known.run.snapshot?.phase === 'off' && known.link.metered) {
      known.wanted = true;
      this._say(known, await this._ask(known, meter(true)));
      return;
    }
    await this.load(known);
  }

  async stopMetering(): Promise<void> {
    const known = this.known;
    if (known !== null) {
      known.wanted = false;
      this._say(known, await this._ask(known, meter(false)));
    }
  }

  /** Load jupyter_green into a kernel, and say what came of it. */
  async load(known: IKnown): Promise<void> {
    const { trans, settings } = this.sources;
    const kernel = known.link.wire.kernel;
    if (kernel === null || known.loading) {
      return;
    }
    known.loading = true;
    known.missing = known.lapsed = false;
    known.said = null;
    this.touch();
    const loaded = await load(kernel, settings());
    known.loading = false;
    switch (loaded.kind) {
      case 'loaded':
        known.wanted = true;
        if (!settings().quiet) {
          this._hands.mention(
            loaded.said || trans.__('This kernel is metered from here on.')
          );
        }
        break;
      case 'missing':
        known.missing = true;
        break;
      case 'failed':
        known.said = trans.__('Metering did not start: %1', loaded.sentence);
        break;
      case 'gone':
        break; // the kernel's new state says enough
    }
    this.touch();
  }

  async setBaseline(name: string | null): Promise<IAnswer> {
    return this._baseline('set', name);
  }

  async useBaseline(name: string): Promise<IAnswer> {
    return this._baseline('use', name);
  }

  async clearBaseline(): Promise<IAnswer> {
    return this._baseline('clear', null);
  }

  async account(asked: Account): Promise<IAnswer> {
    return this._request({
      v: VERSION,
      type: 'budget',
      id: UUID.uuid4(),
      ...asked
    });
  }

  async keepRun(run: string, name: string): Promise<IAnswer> {
    const { archive, trans } = this.sources;
    const found = archive.runs?.find(each => each.run === run);
    if (!found?.notebook) {
      return answered(trans.__('That run is not in the ledger any more.'), run);
    }
    try {
      const notebook = archive.notebook ?? found.notebook;
      await this._hands.server.keep(notebook, run, name);
    } catch (error) {
      if (error instanceof Fault) {
        return answered(error.sentence, run);
      }
      throw error;
    }
    await archive.refresh();
    return answered(trans.__('Kept as the baseline “%1”.', name), run, true);
  }

  async reveal(cell: ICell): Promise<boolean> {
    const { notebooks, kernels } = this.sources;
    const known = this.known;
    const others = notebooks.all.filter(each => kernels.of(each) === known);
    for (const notebook of [this.front, ...others]) {
      const { id, content } = notebook?.panel ?? {};
      const index =
        notebook === null
          ? -1
          : [...notebook.ids()].indexOf(cell.cell_id ?? '');
      if (id !== undefined && content !== undefined && index >= 0) {
        if (notebook !== this.front) {
          this._hands.shell.activateById(id);
        }
        content.deselectAll();
        content.activeCellIndex = index;
        await content.scrollToItem(index, 'smart');
        return true;
      }
    }
    return false;
  }

  async openDoctor(): Promise<void> {
    await this._present('%energy doctor');
  }

  async exportReport(): Promise<void> {
    await this._present('%energy report');
  }

  async openNotebook(): Promise<void> {
    await this._hands.commands.execute('filebrowser:open-path');
  }

  async startKernel(): Promise<void> {
    const context = this.front?.panel.sessionContext;
    if (context?.session?.kernel) {
      // It has died, or the server was started anew and knows nothing of it: there is nothing to restart.
      await context.shutdown();
    }
    if (await context?.startKernel()) {
      await this.changeKernel();
    }
  }

  async changeKernel(): Promise<void> {
    await this._hands.commands.execute('notebook:change-kernel');
  }

  async reconnect(): Promise<void> {
    const known = this.known;
    try {
      await known?.link.wire.kernel?.reconnect();
    } catch {
      // Nothing came of it, and the state says so still.
      this._hands.mention(
        this.sources.trans.__('The server still does not answer.')
      );
    }
    this.touch();
  }

  async refreshHistory(): Promise<void> {
    await this.sources.archive.refresh();
  }

  /** The kernel was told its notebook's new name, under which the ledger may have more to tell. */
  named(known: IKnown, answer: IAnswer): void {
    this._say(known, answer);
    void this.sources.archive.refresh();
  }

  private async _present(line: string): Promise<void> {
    if (this.front?.kernel) {
      await this._hands.present(this.front, line);
    }
  }

  private async _baseline(
    action: BaselineAction,
    name: string | null
  ): Promise<IAnswer> {
    const answer = await this._request({
      v: VERSION,
      type: 'baseline',
      id: UUID.uuid4(),
      action,
      name
    });
    if (answer.ok) {
      this.sources.archive.stir();
    }
    return answer;
  }

  /** Ask the kernel of the notebook in front. */
  private async _request(request: Request & { id: string }): Promise<IAnswer> {
    const known = this.known;
    return known === null
      ? answered(this._why('unlinked'))
      : this._ask(known, request);
  }

  private async _ask(
    { link, run }: IKnown,
    request: Request & { id: string }
  ): Promise<IAnswer> {
    const answer = await link.ask(request);
    return typeof answer === 'string'
      ? answered(this._why(answer), run.snapshot?.run)
      : answer;
  }

  private _why(silence: Silence): string {
    const { trans } = this.sources;
    return {
      unlinked: trans.__('This kernel is not metered. Start metering first.'),
      restarted: trans.__('The kernel was restarted before it could answer.'),
      silent: trans.__(
        'The kernel gave no answer; run %reload_ext jupyter_green in a cell.'
      )
    }[silence];
  }

  /** Keep a refusal in sight; what went well shows by itself. */
  private _say(known: IKnown, answer: IAnswer): void {
    known.said = answer.ok ? null : answer.message;
    this.touch();
  }
}

function meter(on: boolean): Request & { id: string } {
  return { v: VERSION, type: 'meter', id: UUID.uuid4(), on };
}

/** An answer of the page's own. */
function answered(message: string, run = '', ok = false): IAnswer {
  return { v: VERSION, type: 'answer', app: APP, run, to: '', ok, message };
}
