/**
 * Where in a cell's editor a badge has room: a corner on the right that no text and no toolbar reaches.
 *
 * A badge must never cover what a person wrote, nor push it aside. So it is computed from the lines themselves, which
 * are known also where the editor has not drawn them; where both corners are taken the badge yields.
 */

export interface ISize {
  width: number;
  height: number;
}

export interface IEditor extends ISize {
  /** Pixels before the first letter of a line. */
  margin: number;
  /** Pixels above the first line, and below the last. */
  padding: number;
  charWidth: number;
  lineHeight: number;
}

/** A corner, and the pixels to leave on its right. */
export interface IBadgePosition {
  at: 'top' | 'bottom';
  right: number;
}

/** Pixels between a badge and everything else. */
const GAP = 5;
/** Pixels between a badge and the upper or lower edge of its editor. */
const EDGE = 3;
const TAB = 4;

/** The columns that a line takes: wide letters count twice. */
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
 * Find a corner.
 *
 * `toolbar` is what JupyterLab shows at the upper right of the cell that has the focus; of no size where there is none.
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
