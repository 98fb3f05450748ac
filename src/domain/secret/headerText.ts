/** Values that enter a header: never a line break, always characters that every HTTP stack takes. */

import { percentEncode } from "../template/render.ts";

/**
 * `value` without control characters (so that it cannot end the header and begin another), and with everything outside
 * ASCII percent-encoded as UTF-8 (`fetch` refuses a header above U+00FF, and what is below is read differently by
 * different servers).
 */
export function headerText(value: string): string {
  return value.replaceAll(CONTROL, "").replaceAll(BEYOND_ASCII, percentEncode);
}

/** The control characters of ASCII, DEL included. */
const CONTROL = new RegExp(String.raw`[\x00-\x1f\x7f]`, "g");
const BEYOND_ASCII = new RegExp(String.raw`[^\x00-\x7f]+`, "g");
