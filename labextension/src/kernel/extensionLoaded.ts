/**
 * Notices that a cell, whoever ran it, has loaded jupyter_green.
 *
 * The kernel opens its comm with the first cell that it meters. Between loading and that cell nothing tells that it is
 * metered but the line that loaded it, which every page sees.
 */
import { KernelMessage } from '@jupyterlab/services';

const LINE = /^\s*%?(?:re)?load_ext\s+jupyter_green\b/m;

export class Loading {
  /** Take in a message; true where with it loading has ended well. */
  hear(message: KernelMessage.IIOPubMessage): boolean {
    if (KernelMessage.isExecuteInputMsg(message)) {
      if (LINE.test(message.content.code)) {
        this._by = parent(message);
      }
    } else if (KernelMessage.isErrorMsg(message)) {
      if (this._by === parent(message)) {
        this._by = null;
      }
    } else if (
      this._by !== null &&
      KernelMessage.isStatusMsg(message) &&
      message.content.execution_state === 'idle' &&
      this._by === parent(message)
    ) {
      this._by = null;
      return true;
    }
    return false;
  }

  /** The kernel was restarted. */
  clear(): void {
    this._by = null;
  }

  /** The request that loads it just now. */
  private _by: string | null = null;
}

/** The id of the message that this one answers. */
function parent(message: KernelMessage.IIOPubMessage): string | null {
  return 'msg_id' in message.parent_header
    ? message.parent_header.msg_id
    : null;
}
