/**
 * The model of the panel: its state, and the actions of the user.
 *
 * Code that runs in a kernel is what a user could have typed, and runs on request only. Requests wait until the kernel
 * is idle; each ends with a message.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { UUID } from '@lumino/coreutils';

import { APP, VERSION } from '../kernel/frameValidation';
import type { NoAnswer } from '../kernel/pendingRequests';
import type { IKernelState } from '../kernel/kernels';
import { load } from '../kernel/meteringCode';
import type { OpenNotebook } from '../notebook/notebook';
import { LedgerError, type EnergyServer } from '../ledger/client';
import { EnergyState, type ISources } from './state';
import type {
  BudgetRequest,
  BaselineAction,
  IAnswer,
  ICell,
  IEnergyModel,
  Request
} from '../tokens';

/** Services that the model uses. */
export interface IServices {
  commands: JupyterFrontEnd['commands'];
  shell: JupyterFrontEnd.IShell;
  server: EnergyServer;
  /** Run a line in the notebook's kernel and show its output. */
  showOutput(notebook: OpenNotebook, line: string): Promise<void>;
  /** Show a transient notification. */
  notify(sentence: string): void;
}

export class EnergyModel extends EnergyState implements IEnergyModel {
  constructor(
    sources: ISources,
    private readonly _services: IServices
  ) {
    super(sources);
  }

  async startMetering(): Promise<void> {
    const kernelState = this.kernelState;
    if (kernelState === null) {
      return;
    }
    if (
      kernelState.run.snapshot?.phase === 'off' &&
      kernelState.connection.metered
    ) {
      kernelState.startedHere = true;
      this._showRefusal(
        kernelState,
        await this._ask(kernelState, meterRequest(true))
      );
      return;
    }
    await this.load(kernelState);
  }

  async stopMetering(): Promise<void> {
    const kernelState = this.kernelState;
    if (kernelState !== null) {
      kernelState.startedHere = false;
      this._showRefusal(
        kernelState,
        await this._ask(kernelState, meterRequest(false))
      );
    }
  }

  /** Load jupyter_green into a kernel, and show the outcome. */
  async load(kernelState: IKernelState): Promise<void> {
    const { trans, settings } = this.sources;
    const kernel = kernelState.connection.comm.kernel;
    if (kernel === null || kernelState.loading) {
      return;
    }
    kernelState.loading = true;
    kernelState.packageMissing = kernelState.meteringLost = false;
    kernelState.message = null;
    this.markChanged();
    const loaded = await load(kernel, settings());
    kernelState.loading = false;
    switch (loaded.kind) {
      case 'loaded':
        kernelState.startedHere = true;
        if (!settings().quiet) {
          this._services.notify(
            loaded.output || trans.__('This kernel is metered from here on.')
          );
        }
        break;
      case 'missing':
        kernelState.packageMissing = true;
        break;
      case 'failed':
        kernelState.message = trans.__(
          'Metering did not start: %1',
          loaded.sentence
        );
        break;
      case 'gone':
        break; // the kernel's status says enough
    }
    this.markChanged();
  }

  async setBaseline(name: string | null): Promise<IAnswer> {
    return this._requestBaseline('set', name);
  }

  async useBaseline(name: string): Promise<IAnswer> {
    return this._requestBaseline('use', name);
  }

  async clearBaseline(): Promise<IAnswer> {
    return this._requestBaseline('clear', null);
  }

  async changeBudget(request: BudgetRequest): Promise<IAnswer> {
    return this._request({
      v: VERSION,
      type: 'budget',
      id: UUID.uuid4(),
      ...request
    });
  }

  async keepRun(run: string, name: string): Promise<IAnswer> {
    const { ledgerHistory, trans } = this.sources;
    const ledgerRun = ledgerHistory.runs?.find(each => each.run === run);
    if (!ledgerRun?.notebook) {
      return localAnswer(
        trans.__('That run is not in the ledger any more.'),
        run
      );
    }
    try {
      const notebook = ledgerHistory.notebook ?? ledgerRun.notebook;
      await this._services.server.keepBaseline(notebook, run, name);
    } catch (error) {
      if (error instanceof LedgerError) {
        return localAnswer(error.sentence, run);
      }
      throw error;
    }
    await ledgerHistory.refresh();
    return localAnswer(trans.__('Kept as the baseline “%1”.', name), run, true);
  }

  async reveal(cell: ICell): Promise<boolean> {
    const { notebooks, kernels } = this.sources;
    const kernelState = this.kernelState;
    const others = notebooks.all.filter(
      each => kernels.of(each) === kernelState
    );
    for (const notebook of [this.currentNotebook, ...others]) {
      const { id, content } = notebook?.panel ?? {};
      const index =
        notebook === null
          ? -1
          : [...notebook.ids()].indexOf(cell.cell_id ?? '');
      if (id !== undefined && content !== undefined && index >= 0) {
        if (notebook !== this.currentNotebook) {
          this._services.shell.activateById(id);
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
    await this._showOutput('%energy doctor');
  }

  async exportReport(): Promise<void> {
    await this._showOutput('%energy report');
  }

  async openNotebook(): Promise<void> {
    await this._services.commands.execute('filebrowser:open-path');
  }

  async startKernel(): Promise<void> {
    const context = this.currentNotebook?.panel.sessionContext;
    if (context?.session?.kernel) {
      // The kernel died, or the restarted server doesn't know it: there is nothing to restart.
      await context.shutdown();
    }
    if (await context?.startKernel()) {
      await this.changeKernel();
    }
  }

  async changeKernel(): Promise<void> {
    await this._services.commands.execute('notebook:change-kernel');
  }

  async reconnect(): Promise<void> {
    const kernelState = this.kernelState;
    try {
      await kernelState?.connection.comm.kernel?.reconnect();
    } catch {
      // The status still says that the connection is lost.
      this._services.notify(
        this.sources.trans.__('The server still does not answer.')
      );
    }
    this.markChanged();
  }

  async refreshHistory(): Promise<void> {
    await this.sources.ledgerHistory.refresh();
  }

  /** The kernel has answered a rename; the ledger may have more runs under the new name. */
  onRenamed(kernelState: IKernelState, answer: IAnswer): void {
    this._showRefusal(kernelState, answer);
    void this.sources.ledgerHistory.refresh();
  }

  private async _showOutput(line: string): Promise<void> {
    if (this.currentNotebook?.kernel) {
      await this._services.showOutput(this.currentNotebook, line);
    }
  }

  private async _requestBaseline(
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
      this.sources.ledgerHistory.markStale();
    }
    return answer;
  }

  /** Send a request to the current notebook's kernel. */
  private async _request(request: Request & { id: string }): Promise<IAnswer> {
    const kernelState = this.kernelState;
    return kernelState === null
      ? localAnswer(this._noAnswerMessage('unlinked'))
      : this._ask(kernelState, request);
  }

  private async _ask(
    { connection, run }: IKernelState,
    request: Request & { id: string }
  ): Promise<IAnswer> {
    const answer = await connection.ask(request);
    return typeof answer === 'string'
      ? localAnswer(this._noAnswerMessage(answer), run.snapshot?.run)
      : answer;
  }

  private _noAnswerMessage(reason: NoAnswer): string {
    const { trans } = this.sources;
    return {
      unlinked: trans.__('This kernel is not metered. Start metering first.'),
      restarted: trans.__('The kernel was restarted before it could answer.'),
      silent: trans.__(
        'The kernel gave no answer; run %reload_ext jupyter_green in a cell.'
      )
    }[reason];
  }

  /** Show a failed answer; a success is visible by itself. */
  private _showRefusal(kernelState: IKernelState, answer: IAnswer): void {
    kernelState.message = answer.ok ? null : answer.message;
    this.markChanged();
  }
}

function meterRequest(on: boolean): Request & { id: string } {
  return { v: VERSION, type: 'meter', id: UUID.uuid4(), on };
}

/** An answer made by the page itself. */
function localAnswer(message: string, run = '', ok = false): IAnswer {
  return { v: VERSION, type: 'answer', app: APP, run, to: '', ok, message };
}
