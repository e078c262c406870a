/**
 * Other people's words inside ours: one clean line, of a length that a sentence can hold.
 *
 * A control character, a mark that turns the direction of writing or half of a letter is replaced by a sign that shows
 * it was there; the kernel's records do the same.
 */

const ELLIPSIS = '…';

/** The text as one line of so many characters at most; what is cut ends in "…". */
export function singleLine(text: string, limit = 200): string {
  const clean = text
    .slice(0, 4 * limit + 16)
    .replace(/[\t-\r\u0085\u2028\u2029]/g, ' ')
    .replace(
      /\p{Cc}|\p{Cs}|[\ufffe\uffff]|(?![\u200c\u200d])\p{Cf}/gu,
      '\ufffd'
    )
    .replace(/([\p{Mn}\p{Me}]{4})[\p{Mn}\p{Me}]+/gu, '$1') // a tower of accents covers the lines above
    .split(' ')
    .filter(word => word !== '')
    .join(' ');
  const letters = [...clean];
  return letters.length <= limit
    ? clean
    : letters
        .slice(0, limit - 1)
        .join('')
        .trimEnd() + ELLIPSIS;
}
