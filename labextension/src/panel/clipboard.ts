/**
 * Copying text; on a page without a secure connection browsers offer only the older way.
 */
import type { Messages } from '../format/messages';

/** What is said of it. */
export function copyMessage({ trans }: Messages, done: boolean): string {
  return done
    ? trans.__('Copied.')
    : trans.__('The browser did not allow to copy.');
}

export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copySelection(text); // the person or the browser refused the newer way
    }
  }
  return copySelection(text);
}

function copySelection(text: string): boolean {
  const focused = document.activeElement;
  const field = document.createElement('textarea');
  field.value = text;
  field.setAttribute('aria-hidden', 'true');
  field.style.position = 'fixed';
  field.style.opacity = '0';
  document.body.appendChild(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  if (focused instanceof HTMLElement) {
    focused.focus();
  }
  return done;
}
