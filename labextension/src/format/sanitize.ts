/**
 * Untrusted text inside our sentences, as one line of limited length.
 *
 * Control characters, characters that change the writing direction and lone surrogates are replaced by a visible
 * character, as in the kernel's records.
 */

const ELLIPSIS = '…';

/** The text as one line of at most `limit` characters; truncated text ends in "…". */
export function singleLine(text: string, limit = 200): string {
  const clean = text
    .slice(0, 4 * limit + 16)
    .replace(/[\t-\r\u0085\u2028\u2029]/g, ' ')
    .replace(
      /\p{Cc}|\p{Cs}|[\ufffe\uffff]|(?![\u200c\u200d])\p{Cf}/gu,
      '\ufffd'
    )
    .replace(/([\p{Mn}\p{Me}]{4})[\p{Mn}\p{Me}]+/gu, '$1') // stacked combining marks would cover the lines above
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
