/** How long texts are shown in verdicts and messages. */

const MAX_DISPLAY_CHARS = 200;

/** At most 200 characters, the last one `…` where something was left out; never half a surrogate pair. */
export function display(text: string): string {
  if (text.length <= MAX_DISPLAY_CHARS) return text;
  return `${text.slice(0, MAX_DISPLAY_CHARS - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
