/**
 * Copies text to the clipboard; without a secure connection browsers only support `execCommand`.
 */
import type { Messages } from '../format/messages';

/** The message after copying. */
export function copyMessage({ trans }: Messages, done: boolean): string {
  return done
    ? trans.__('Copied.')
    : trans.__('The browser did not allow copying.');
}

export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copySelection(text); // refused by the user or the browser
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
