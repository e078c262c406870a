/**
 * A command as text that can be selected and reached by keyboard.
 */
import { h } from '../jsx';
import type { IPanelContext } from './panelContext';

export function Command({
  context,
  command
}: {
  context: IPanelContext;
  command: string;
}): JSX.Element {
  return (
    <pre tabIndex={0} aria-label={context.messages.trans.__('Command')}>
      <code>{command}</code>
    </pre>
  );
}
