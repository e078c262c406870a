/**
 * A legend of the marks in use.
 */
import * as React from 'react';
import { Fragment, h } from '../jsx';
import type { ICell, Quality } from '../tokens';
import type { Messages } from '../format/messages';

export const Legend = React.memo(function Legend({
  messages,
  cells,
  compared
}: {
  messages: Messages;
  cells: readonly ICell[];
  compared: boolean;
}): JSX.Element {
  const { trans } = messages;
  const seen = new Set<Quality>();
  let shared = false;
  for (const cell of cells) {
    cell.parts.forEach(part => seen.add(part.quality));
    if (cell.parts.length === 0) {
      seen.add(cell.figure.quality);
    }
    shared = shared || cell.shared;
  }
  return (
    <p className="jgp-legend">
      {seen.has('measured') ? (
        <span>
          <i className="jgp-sw jgp-gpu" />
          {trans.__('measured')}
        </span>
      ) : null}
      {seen.has('estimated') || shared ? (
        <span>
          <i className="jgp-sw jgp-cpu jgp-est" />
          {shared
            ? trans.__('~ estimated or attributed')
            : trans.__('~ estimated')}
        </span>
      ) : null}
      {seen.has('simulated') ? (
        <span>
          <i className="jgp-sw jgp-gpu jgp-sim" />
          {trans.__('simulated')}
        </span>
      ) : null}
      {compared ? (
        <>
          <span>
            <i className="jgp-tick" />
            {trans.__('baseline')}
          </span>
          <span>{trans.__('≈ no proven difference')}</span>
        </>
      ) : null}
    </p>
  );
});
