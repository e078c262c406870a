/**
 * Questions to a kernel that wait for their answers.
 *
 * A kernel answers when it is idle, so no clock runs while it is busy; only one that was done with a question and said
 * nothing is given up. A restart ends all of them.
 */
import type { Kernel } from '@jupyterlab/services';

import type { IAnswer } from '../tokens';

/** Why a question got no answer. */
export type Silence = 'unlinked' | 'restarted' | 'silent';

/** Milliseconds that an answer may come after the kernel was done with the question. */
const PATIENCE = 15_000;

export class Inquiries {
  /** Wait for the answer to a question that was sent; null: it could not be. */
  async wait(
    id: string,
    sent: Kernel.IShellFuture | null
  ): Promise<IAnswer | Silence> {
    if (sent === null) {
      return 'unlinked';
    }
    return new Promise(resolve => {
      this._waiting.set(id, resolve);
      const end = (silence: Silence): void => {
        if (this._waiting.delete(id)) {
          resolve(silence);
        }
      };
      sent.done.then(
        () => setTimeout(() => end('silent'), PATIENCE),
        () => end('restarted')
      );
    });
  }

  /** Hand an answer to who waits for it; it may be another page's. */
  answer(answer: IAnswer): void {
    const resolve = this._waiting.get(answer.to);
    this._waiting.delete(answer.to);
    resolve?.(answer);
  }

  /** No answer will come any more. */
  end(): void {
    const waiting = [...this._waiting.values()];
    this._waiting.clear();
    waiting.forEach(resolve => resolve('restarted'));
  }

  private readonly _waiting = new Map<
    string,
    (answer: IAnswer | Silence) => void
  >();
}
