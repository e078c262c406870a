/**
 * A command to run, as text that can be selected and reached by keyboard.
 */
import { h } from '../element';
import type { IDesk } from './panelContext';

export function Command({
  desk,
  command
}: {
  desk: IDesk;
  command: string;
}): JSX.Element {
  return (
    <pre tabIndex={0} aria-label={desk.words.trans.__('Command')}>
      <code>{command}</code>
    </pre>
  );
}
