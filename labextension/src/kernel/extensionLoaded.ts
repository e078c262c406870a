/**
 * Detects that a cell, run by any page, has loaded jupyter_green.
 *
 * The kernel opens its comm with the first metered cell. Between loading and that cell, the executed line is the only
 * sign of it, and every page receives it.
 */
import { KernelMessage } from '@jupyterlab/services';

const LOAD_LINE = /^\s*%?(?:re)?load_ext\s+jupyter_green\b/m;

export class LoadDetector {
  /** Process a message; true when loading has succeeded with it. */
  handle(message: KernelMessage.IIOPubMessage): boolean {
    if (KernelMessage.isExecuteInputMsg(message)) {
      if (LOAD_LINE.test(message.content.code)) {
        this._requestId = parentId(message);
      }
    } else if (KernelMessage.isErrorMsg(message)) {
      if (this._requestId === parentId(message)) {
        this._requestId = null;
      }
    } else if (
      this._requestId !== null &&
      KernelMessage.isStatusMsg(message) &&
      message.content.execution_state === 'idle' &&
      this._requestId === parentId(message)
    ) {
      this._requestId = null;
      return true;
    }
    return false;
  }

  /** The kernel was restarted. */
  clear(): void {
    this._requestId = null;
  }

  /** Id of the execute request that loads it. */
  private _requestId: string | null = null;
}

/** The id of the request that a message belongs to. */
function parentId(message: KernelMessage.IIOPubMessage): string | null {
  return 'msg_id' in message.parent_header
    ? message.parent_header.msg_id
    : null;
}
