/**
 * A line for energy that is in the total but in no row.
 */
import { h } from '../jsx';
import { isKnown } from '../format/quantities';
import type { IFigure } from '../tokens';
import { withSign } from '../format/messages';
import type { IPanelContext } from './panelContext';
import type { IColumn } from './row';

export function ExcludedEnergy({
  context,
  column,
  figure,
  name,
  why
}: {
  context: IPanelContext;
  column: IColumn;
  figure: IFigure | null;
  name: string;
  why: string;
}): JSX.Element | null {
  const { messages } = context;
  if (figure === null || !isKnown(figure.joules)) {
    return null;
  }
  const reading = messages.reading(figure, column.unit);
  const text = `${name}: ${messages.spoken(reading)}, ${messages.provenance(figure)}.`;
  return (
    <div
      className="jgp-row jgp-apart"
      role="group"
      aria-label={`${text} ${why}`}
      title={why}
    >
      <span />
      <span className="jgp-src">
        <span>{name}</span>
      </span>
      <span className="jgp-j">{withSign(reading)}</span>
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
      <span className="jgp-u">{reading.suffix}</span>
      <span className="jgp-w">{messages.trans.__('in the total')}</span>
    </div>
  );
}
