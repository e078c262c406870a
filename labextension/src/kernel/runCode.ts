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
  output: string;
  /** The error's type and words, where there was one. */
  error: { name: string; message: string } | null;
}

/** At most so many characters of output are kept. */
const MAX_OUTPUT_CHARS = 400_000;

/** How often lines are asked for again that went down with a cell that failed before them. */
const MAX_TRIES = 10;

/** Run lines in a kernel; `heard` is told all output so far, each time there is more. */
export async function execute(
  kernel: Kernel.IKernelConnection,
  code: string,
  onOutput: (output: string) => void = () => undefined
): Promise<IOutcome> {
  const outcome: IOutcome = { end: 'gone', output: '', error: null };
  const append = (text: string): void => {
    outcome.output = (outcome.output + stripAnsi(text)).slice(
      0,
      MAX_OUTPUT_CHARS
    );
    onOutput(outcome.output);
  };
  const onMessage = (message: KernelMessage.IIOPubMessage): void => {
    if (KernelMessage.isStreamMsg(message)) {
      append(message.content.text);
    } else if (
      KernelMessage.isExecuteResultMsg(message) ||
      KernelMessage.isDisplayDataMsg(message)
    ) {
      const textPlain = message.content.data['text/plain'];
      append(
        `${Array.isArray(textPlain) ? textPlain.join('') : String(textPlain ?? '')}\n`
      );
    } else if (KernelMessage.isErrorMsg(message)) {
      outcome.error = {
        name: stripAnsi(message.content.ename),
        message: stripAnsi(message.content.evalue)
      };
    }
  };
  try {
    let status: string | undefined = 'aborted';
    // A cell that fails takes with it what waits behind it; these lines are none of its business.
    for (let tries = 0; status === 'aborted' && tries < MAX_TRIES; tries++) {
      const future = kernel.requestExecute({
        code,
        silent: false,
        store_history: false,
        stop_on_error: false,
        allow_stdin: false
      });
      future.onIOPub = onMessage;
      status = (await future.done)?.content.status;
    }
    outcome.end = status === 'ok' ? 'ok' : 'error';
  } catch {
    outcome.end = 'gone'; // JupyterLab rejects what a restart or a closed kernel left unanswered
  }
  return outcome;
}

/** Text without the colours of a terminal. */
function stripAnsi(text: string): string {
  return text.replace(ANSI_ESCAPE, '');
}

const ANSI_ESCAPE = /\u001b\[[0-9;]*[A-Za-z]/g;
