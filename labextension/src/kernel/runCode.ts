/**
 * Runs code in a kernel on the user's request and collects its output as text.
 *
 * The code doesn't count as an execution and doesn't abort queued cells. Output is treated as plain text whatever its
 * type, so nothing that a kernel sends is rendered as HTML.
 */
import { KernelMessage } from '@jupyterlab/services';
import type { Kernel } from '@jupyterlab/services';

/** The outcome; `gone`: the kernel was restarted or closed before the end. */
export interface IOutcome {
  end: 'ok' | 'error' | 'gone';
  /** Everything printed or displayed, as text. */
  output: string;
  /** The exception's name and message, where there was one. */
  error: { name: string; message: string } | null;
}

/** Output is truncated to this many characters. */
const MAX_OUTPUT_CHARS = 400_000;

/** Attempts while the request is aborted because a cell queued before it failed. */
const MAX_TRIES = 10;

/**
 * Run code in a kernel.
 *
 * @param onOutput - Called with all output so far, each time there is more.
 */
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
    // A failing cell aborts the requests queued behind it; ours is sent again.
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
    outcome.end = 'gone'; // JupyterLab rejects requests that a restart or a closed kernel left unanswered
  }
  return outcome;
}

/** Text without terminal colours. */
function stripAnsi(text: string): string {
  return text.replace(ANSI_ESCAPE, '');
}

const ANSI_ESCAPE = /\u001b\[[0-9;]*[A-Za-z]/g;
