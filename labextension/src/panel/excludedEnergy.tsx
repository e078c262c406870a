/**
 * Energy that no row shows and that is in the total, as a line of its own.
 */
import { h } from '../element';
import { known } from '../format/quantities';
import type { IFigure } from '../tokens';
import { signed } from '../format/messages';
import type { IDesk } from './panelContext';
import type { IColumn } from './row';

export function Apart({
  desk,
  column,
  figure,
  name,
  why
}: {
  desk: IDesk;
  column: IColumn;
  figure: IFigure | null;
  name: string;
  why: string;
}): JSX.Element | null {
  const { words } = desk;
  if (figure === null || !known(figure.joules)) {
    return null;
  }
  const reading = words.reading(figure, column.unit);
  const said = `${name}: ${words.spoken(reading)}, ${words.standing(figure)}.`;
  return (
    <div
      className="jgp-row jgp-apart"
      role="group"
      aria-label={`${said} ${why}`}
      title={why}
    >
      <span />
      <span className="jgp-src">
        <span>{name}</span>
      </span>
      <span className="jgp-j">{signed(reading)}</span>
      <span className="jgp-d" />
      <span />
      <span className="jgp-bar">
        <i
          className="jgp-idle"
          style={{
            width: `${Math.min(100, (100 * figure.joules) / column.scale)}%`
          }}
        />
      </span>
      <span className="jgp-u">{reading.doubt}</span>
      <span className="jgp-w">{words.trans.__('in the total')}</span>
    </div>
  );
}
