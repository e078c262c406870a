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
import type { IKnown, Kernels } from './kernels';
import type { OpenNotebook } from '../notebook/notebook';
import type { IAnswer } from '../tokens';
import type { NotebookTracker } from '../notebook/tracker';

export class Naming {
  /**
   * @param _sharing - Names of the notebooks that the server knows on a kernel.
   * @param _answered - Called with what the kernel says to a new name.
   */
  constructor(
    private readonly _notebooks: NotebookTracker,
    private readonly _kernels: Kernels,
    private readonly _sharing: (kernel: string) => string[],
    private readonly _answered: (known: IKnown, answer: IAnswer) => void
  ) {
    _kernels.news.connect((_, { known }) => this._look(known));
    _notebooks.opened.connect((_, notebook) => this._follow(notebook));
    _notebooks.all.forEach(notebook => this._follow(notebook));
  }

  private _follow(notebook: OpenNotebook): void {
    notebook.changed.connect(() => this._look(this._kernels.of(notebook)));
  }

  private _look(known: IKnown | null): void {
    const snapshot = known?.run.snapshot;
    if (!known || !snapshot?.notebook || known.link.wire.status !== 'idle') {
      return;
    }
    const { run, notebook: told } = snapshot;
    const there = this._notebooks.all.filter(
      each => this._kernels.of(each) === known
    );
    const renamed = there.find(
      ({ past, name }) => past.length > 0 && [...past, name].includes(told)
    );
    const gone =
      !there.some(({ name }) => name === told) &&
      (snapshot.totals.cells === 0 ||
        !this._sharing(known.link.id).includes(told));
    const { front } = this._notebooks;
    const chosen =
      renamed ??
      (gone ? (there.find(each => each === front) ?? there[0]) : null);
    if (!chosen) {
      return;
    }
    const { name } = chosen;
    const formerly = chosen.past[0] ?? null;
    const asked = [run, name, formerly].join('/');
    if (!this._asked.has(asked)) {
      this._asked.add(asked);
      void this._tell(known, chosen, name, formerly);
    }
  }

  private async _tell(
    known: IKnown,
    notebook: OpenNotebook,
    name: string,
    formerly: string | null
  ): Promise<void> {
    const answer = await known.link.ask({
      v: VERSION,
      type: 'notebook',
      id: UUID.uuid4(),
      name,
      formerly
    });
    // Where none came the kernel has ended; its next run is told anew.
    if (typeof answer !== 'string') {
      if (answer.ok) {
        notebook.past = [];
      }
      this._answered(known, answer);
    }
  }

  /** What was said to which run, so that nothing is said twice. */
  private readonly _asked = new Set<string>();
}
