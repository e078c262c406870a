/**
 * Finds a free corner at the right of a cell's editor for its badge.
 *
 * A badge must not cover or move source text. The position is computed from the source lines, which are known even
 * where the editor has not rendered them. If both corners are occupied there is no position.
 */

export interface ISize {
  width: number;
  height: number;
}

export interface IEditor extends ISize {
  /** Pixels left of a line's first character. */
  margin: number;
  /** Pixels above the first line and below the last one. */
  padding: number;
  charWidth: number;
  lineHeight: number;
}

/** A corner, and the badge's distance from the right edge in pixels. */
export interface IBadgePosition {
  at: 'top' | 'bottom';
  right: number;
}

/** Pixels between a badge and text or a toolbar. */
const GAP = 5;
/** Pixels between a badge and the upper or lower edge of its editor. */
const EDGE = 3;
const TAB = 4;

/** Columns that a line takes; wide characters count as two. */
export function columns(line: string): number {
  let count = 0;
  for (const letter of line) {
    if (letter === '\t') {
      count += TAB - (count % TAB);
    } else if (!ZERO_WIDTH.test(letter)) {
      count += WIDE.test(letter) ? 2 : 1;
    }
  }
  return count;
}

const ZERO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/**
 * Find a free corner; null where both are occupied.
 *
 * @param toolbar - Size of the toolbar that JupyterLab shows at the upper right of the active cell; 0 × 0 without one.
 */
export function badgePosition(
  badge: ISize,
  editor: IEditor,
  lines: readonly string[],
  toolbar: ISize
): IBadgePosition | null {
  const coveredHeight = EDGE + badge.height + 1 - editor.padding;
  const rows = Math.max(1, Math.ceil(coveredHeight / editor.lineHeight));
  const fits = (right: number, coveredLines: readonly string[]): boolean => {
    const freeWidth = editor.width - right - badge.width - GAP - editor.margin;
    return (
      freeWidth >= 0 &&
      coveredLines.every(line => columns(line) * editor.charWidth <= freeWidth)
    );
  };
  const topRight = GAP + toolbar.width;
  if (fits(topRight, lines.slice(0, rows))) {
    return { at: 'top', right: topRight };
  }
  const bottomRight =
    editor.height - toolbar.height >= badge.height + EDGE ? GAP : topRight;
  return fits(bottomRight, lines.slice(-rows))
    ? { at: 'bottom', right: bottomRight }
    : null;
}
