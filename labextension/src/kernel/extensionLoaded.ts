/**
 * Notices that a cell, whoever ran it, has loaded jupyter_green.
 *
 * The kernel opens its comm with the first cell that it meters. Between loading and that cell nothing tells that it is
 * metered but the line that loaded it, which every page sees.
 */
import { KernelMessage } from '@jupyterlab/services';

const LOAD_LINE = /^\s*%?(?:re)?load_ext\s+jupyter_green\b/m;

export class LoadDetector {
  /** Take in a message; true where with it loading has ended well. */
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

  /** The request that loads it just now. */
  private _requestId: string | null = null;
}

/** The id of the message that this one answers. */
function parentId(message: KernelMessage.IIOPubMessage): string | null {
  return 'msg_id' in message.parent_header
    ? message.parent_header.msg_id
    : null;
}
