/**
 * Has a kernel file what it meters under the name that its notebook has now.
 *
 * A kernel is told a name once, when it is started, and keeps it over restarts. A notebook may be renamed meanwhile, and
 * the first of several on a kernel may be closed: a run that has no cell yet is then taken for a notebook that is open
 * here. One that has cells keeps its name as long as the server knows a notebook of that name on the kernel. A page says
 * a name once to a run, so that two pages never take turns.
 */
import { UUID } from '@lumino/coreutils';

import { VERSION } from './frames';
import type { IKernelState, Kernels } from './kernels';
import type { OpenNotebook } from '../notebook/notebook';
import type { IAnswer } from '../tokens';
import type { NotebookTracker } from '../notebook/tracker';

export class RenameNotifier {
  /**
   * @param _notebookNames - Names of the notebooks that the server knows on a kernel.
   * @param _onAnswer - Called with what the kernel says to a new name.
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
    // Where none came the kernel has ended; its next run is told anew.
    if (typeof answer !== 'string') {
      if (answer.ok) {
        notebook.formerNames = [];
      }
      this._onAnswer(kernelState, answer);
    }
  }

  /** What was said to which run, so that nothing is said twice. */
  private readonly _sent = new Set<string>();
}
