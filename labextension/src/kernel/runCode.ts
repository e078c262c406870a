/**
 * Lines of our own that run in a kernel because a person asked for it, and what they printed, as text.
 *
 * They leave no number in the notebook and stop nothing that waits behind them. Output is read as plain text whatever
 * else it comes as, so nothing that a kernel sends is ever drawn as HTML.
 */
import { KernelMessage } from '@jupyterlab/services';
import type { Kernel } from '@jupyterlab/services';

/** What came of it; `gone`: the kernel was restarted or closed before the end. */
export interface IOutcome {
  end: 'ok' | 'error' | 'gone';
  /** All that was printed or shown. */
  said: string;
  /** The error's type and words, where there was one. */
  error: { name: string; words: string } | null;
}

/** At most so many characters of output are kept. */
const LONGEST = 400_000;

/** How often lines are asked for again that went down with a cell that failed before them. */
const MOST_TRIES = 10;

/** Run lines in a kernel; `heard` is told all output so far, each time there is more. */
export async function execute(
  kernel: Kernel.IKernelConnection,
  code: string,
  heard: (said: string) => void = () => undefined
): Promise<IOutcome> {
  const outcome: IOutcome = { end: 'gone', said: '', error: null };
  const say = (text: string): void => {
    outcome.said = (outcome.said + plain(text)).slice(0, LONGEST);
    heard(outcome.said);
  };
  const hear = (message: KernelMessage.IIOPubMessage): void => {
    if (KernelMessage.isStreamMsg(message)) {
      say(message.content.text);
    } else if (
      KernelMessage.isExecuteResultMsg(message) ||
      KernelMessage.isDisplayDataMsg(message)
    ) {
      const shown = message.content.data['text/plain'];
      say(`${Array.isArray(shown) ? shown.join('') : String(shown ?? '')}\n`);
    } else if (KernelMessage.isErrorMsg(message)) {
      outcome.error = {
        name: plain(message.content.ename),
        words: plain(message.content.evalue)
      };
    }
  };
  try {
    let status: string | undefined = 'aborted';
    // A cell that fails takes with it what waits behind it; these lines are none of its business.
    for (let tries = 0; status === 'aborted' && tries < MOST_TRIES; tries++) {
      const future = kernel.requestExecute({
        code,
        silent: false,
        store_history: false,
        stop_on_error: false,
        allow_stdin: false
      });
      future.onIOPub = hear;
      status = (await future.done)?.content.status;
    }
    outcome.end = status === 'ok' ? 'ok' : 'error';
  } catch {
    outcome.end = 'gone'; // JupyterLab rejects what a restart or a closed kernel left unanswered
  }
  return outcome;
}

/** Text without the colours of a terminal. */
function plain(text: string): string {
  return text.replace(COLOUR, '');
}

const COLOUR = /\u001b\[[0-9;]*[A-Za-z]/g;
