/**
 * Tells a kernel the current name of its notebook.
 *
 * A kernel gets its notebook's name when it is started and keeps it over restarts. Meanwhile the notebook may be
 * renamed, or, where several share a kernel, closed. A run without cells is then filed under a notebook that is open
 * here; a run with cells keeps its name while the server knows a notebook of that name on the kernel. Each page sends
 * a name once per run, so that two pages don't alternate.
 */
import { UUID } from '@lumino/coreutils';

import { VERSION } from './frameValidation';
import type { IKernelState, Kernels } from './kernels';
import type { OpenNotebook } from '../notebook/notebook';
import type { IAnswer } from '../tokens';
import type { NotebookTracker } from '../notebook/tracker';

export class RenameNotifier {
  /**
   * @param _notebookNames - Names of the notebooks that the server knows on a kernel.
   * @param _onAnswer - Called with the kernel's answer.
   */
  constructor(
    private readonly _notebooks: NotebookTracker,
    private readonly _kernels: Kernels,
    private readonly _notebookNames: (kernel: string) => string[],
    private readonly _onAnswer: (
      kernelState: IKernelState,
      answer: IAnswer
    ) => void
  ) {
    _kernels.changed.connect((_, { kernelState }) => this._check(kernelState));
    _notebooks.opened.connect((_, notebook) => this._follow(notebook));
    _notebooks.all.forEach(notebook => this._follow(notebook));
  }

  private _follow(notebook: OpenNotebook): void {
    notebook.changed.connect(() => this._check(this._kernels.of(notebook)));
  }

  private _check(kernelState: IKernelState | null): void {
    const snapshot = kernelState?.run.snapshot;
    if (
      !kernelState ||
      !snapshot?.notebook ||
      kernelState.connection.comm.status !== 'idle'
    ) {
      return;
    }
    const { run, notebook: recordedName } = snapshot;
    const candidates = this._notebooks.all.filter(
      each => this._kernels.of(each) === kernelState
    );
    const renamed = candidates.find(
      ({ formerNames: past, name }) =>
        past.length > 0 && [...past, name].includes(recordedName)
    );
    const nameUnused =
      !candidates.some(({ name }) => name === recordedName) &&
      (snapshot.totals.cells === 0 ||
        !this._notebookNames(kernelState.connection.id).includes(recordedName));
    const { current } = this._notebooks;
    const target =
      renamed ??
      (nameUnused
        ? (candidates.find(each => each === current) ?? candidates[0])
        : null);
    if (!target) {
      return;
    }
    const { name } = target;
    const formerly = target.formerNames[0] ?? null;
    const requestKey = [run, name, formerly].join('/');
    if (!this._sent.has(requestKey)) {
      this._sent.add(requestKey);
      void this._send(kernelState, target, name, formerly);
    }
  }

  private async _send(
    kernelState: IKernelState,
    notebook: OpenNotebook,
    name: string,
    formerly: string | null
  ): Promise<void> {
    const answer = await kernelState.connection.ask({
      v: VERSION,
      type: 'notebook',
      id: UUID.uuid4(),
      name,
      formerly
    });
    // Without an answer the kernel has ended; its next run is told again.
    if (typeof answer !== 'string') {
      if (answer.ok) {
        notebook.formerNames = [];
      }
      this._onAnswer(kernelState, answer);
    }
  }

  /** Run and names of what was sent already. */
  private readonly _sent = new Set<string>();
}
