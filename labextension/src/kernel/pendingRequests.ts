/**
 * Questions to a kernel that wait for their answers.
 *
 * A kernel answers when it is idle, so no clock runs while it is busy; only one that was done with a question and said
 * nothing is given up. A restart ends all of them.
 */
import type { Kernel } from '@jupyterlab/services';

import type { IAnswer } from '../tokens';

/** Why a question got no answer. */
export type NoAnswer = 'unlinked' | 'restarted' | 'silent';

/** Milliseconds that an answer may come after the kernel was done with the question. */
const ANSWER_TIMEOUT_MS = 15_000;

export class PendingRequests {
  /** Wait for the answer to a question that was sent; null: it could not be. */
  async wait(
    id: string,
    future: Kernel.IShellFuture | null
  ): Promise<IAnswer | NoAnswer> {
    if (future === null) {
      return 'unlinked';
    }
    return new Promise(resolve => {
      this._waiting.set(id, resolve);
      const finish = (reason: NoAnswer): void => {
        if (this._waiting.delete(id)) {
          resolve(reason);
        }
      };
      future.done.then(
        () => setTimeout(() => finish('silent'), ANSWER_TIMEOUT_MS),
        () => finish('restarted')
      );
    });
  }

  /** Hand an answer to who waits for it; it may be another page's. */
  deliver(answer: IAnswer): void {
    const resolve = this._waiting.get(answer.to);
    this._waiting.delete(answer.to);
    resolve?.(answer);
  }

  /** No answer will come any more. */
  cancelAll(): void {
    const waiting = [...this._waiting.values()];
    this._waiting.clear();
    waiting.forEach(resolve => resolve('restarted'));
  }

  private readonly _waiting = new Map<
    string,
    (answer: IAnswer | NoAnswer) => void
  >();
}
