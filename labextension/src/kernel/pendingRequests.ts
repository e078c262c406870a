/**
 * Requests that wait for their answers.
 *
 * A kernel answers when it is idle, so there is no timeout while it is busy. A request is given up when the kernel has
 * processed it and sent no answer for a while. A restart cancels all.
 */
import type { Kernel } from '@jupyterlab/services';

import type { IAnswer } from '../tokens';

/** Why a request got no answer. */
export type NoAnswer = 'unlinked' | 'restarted' | 'silent';

/** Milliseconds to wait for an answer after the kernel has processed the request. */
const ANSWER_TIMEOUT_MS = 15_000;

export class PendingRequests {
  /**
   * Wait for the answer to a request.
   *
   * @param future - The request as sent; null where it could not be sent.
   */
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

  /** Deliver an answer; one for another page is ignored. */
  deliver(answer: IAnswer): void {
    const resolve = this._waiting.get(answer.to);
    this._waiting.delete(answer.to);
    resolve?.(answer);
  }

  /** Cancel all requests: the kernel was restarted. */
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
