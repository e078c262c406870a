/**
 * A live region for screen readers, set when a cell has ended; changing figures are not announced.
 */
import * as React from 'react';
import { h } from '../jsx';
import { newestFinal } from '../state/rows';
import { announcement } from '../format/cellSentences';
import type { IState } from '../tokens';
import type { Messages } from '../format/messages';

export function Announcement({
  state,
  messages,
  quiet
}: {
  state: IState;
  messages: Messages;
  quiet: boolean;
}): JSX.Element {
  const announced = React.useRef<{ run: string | null; id: string | null }>({
    run: null,
    id: null
  });
  const [line, setLine] = React.useState('');
  React.useEffect(() => {
    const newest = newestFinal(state.cells);
    const { run, id } = announced.current;
    announced.current = { run: state.run, id: newest?.id ?? null };
    // Cells that existed before the panel opened or the notebook changed are not announced.
    if (newest && run === state.run && id !== newest.id && !quiet) {
      setLine(announcement(messages, newest, state.totals?.figure ?? null));
    }
  }, [state.cells]);
  return (
    <p className="jgp-vh" role="status" data-testid="green-announcement">
      {line}
    </p>
  );
}
