/** Crontab text, as it is pasted for an import: one job per line, `<cron> <url>`. */

import { CRON_NICKNAMES, parseCron } from "./cron.ts";
import { quoted } from "./cronFields.ts";

/** What became of one line; `line` counts from 1 and `text` is the line without surrounding space. */
export type CrontabLine =
  | {
      readonly line: number;
      readonly text: string;
      readonly ok: true;
      readonly expression: string;
      readonly url: string;
    }
  | { readonly line: number; readonly text: string; readonly ok: false; readonly reason: string };

export interface CrontabOptions {
  /** The target of lines that name none. */
  readonly defaultUrl?: string | undefined;
}

type Entry =
  | { readonly ok: true; readonly expression: string; readonly url: string }
  | { readonly ok: false; readonly reason: string };

const LINE_FORMAT = "A line is five cron fields, or a nickname such as @daily, and then one http(s) URL";

/**
 * Reads crontab text line by line; blank lines and `#` comments are left out of the result. A line that is refused says
 * why and does not stop the others. URLs are only recognised here, not judged: the guard on outbound requests does that.
 */
export function parseCrontab(text: string, options: CrontabOptions = {}): CrontabLine[] {
  return text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\n|\r/)
    .map((raw, index) => ({ line: index + 1, text: raw.trim() }))
    .filter((line) => line.text !== "" && !line.text.startsWith("#"))
    .map((line) => Object.assign(line, parseLine(line.text, options.defaultUrl)));
}

function parseLine(text: string, defaultUrl: string | undefined): Entry {
  if (/^["']?[A-Za-z_]\w*["']?\s*=/.test(text)) {
    const name = text.slice(0, text.indexOf("=")).trim();
    return refuse(`${quoted(name)} sets an environment variable; jobs have no environment. Remove the line.`);
  }
  const words = text.split(/\s+/);
  const fieldCount = text.startsWith("@") ? 1 : (firstUrlIndex(words) ?? 5);
  const expression = text.startsWith("@") ? nicknameExpression(words[0] ?? "") : words.slice(0, fieldCount).join(" ");
  if (expression === null) return refuse(nicknameReason(words[0] ?? ""));

  const parsed = parseCron(expression);
  if (!parsed.ok) return refuse(parsed.error.message);
  const [url, ...surplus] = words.slice(fieldCount);
  if (url === undefined) {
    return defaultUrl === undefined
      ? refuse(`There is no URL. ${LINE_FORMAT}; the URL may be left out only when a default URL is given.`)
      : { ok: true, expression, url: defaultUrl };
  }
  if (!isUrl(url) || surplus.length > 0) {
    const found = quoted(words.slice(fieldCount).join(" "));
    return refuse(`After the schedule comes ${found}, which is not one URL. ${LINE_FORMAT}; commands are not run.`);
  }
  return { ok: true, expression, url };
}

/** Where the schedule ends when a URL follows it directly, so that a missing or surplus field is told as such. */
function firstUrlIndex(words: readonly string[]): number | null {
  const index = words.findIndex(isUrl);
  return index > 0 && words.slice(0, index).every((word) => /^[\d*?]|^L$|^[a-z]{3}(?![a-z])/i.test(word))
    ? index
    : null;
}

function isUrl(word: string): boolean {
  return /^https?:\/\/[^/]/i.test(word);
}

function nicknameExpression(nickname: string): string | null {
  return CRON_NICKNAMES.get(nickname.toLowerCase()) ?? null;
}

function nicknameReason(nickname: string): string {
  if (nickname.toLowerCase() === "@reboot") {
    return "@reboot has no meaning here: Carillon has no machine that boots. Give the job a schedule.";
  }
  return `${quoted(nickname)} is not known. Accepted: ${[...CRON_NICKNAMES.keys()].join(", ")}.`;
}

function refuse(reason: string): Entry {
  return { ok: false, reason };
}
