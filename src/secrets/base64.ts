/** Bytes to standard base64 and back, for keys and envelopes. */

import { err, ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";

/** Bytes over a buffer of their own, as WebCrypto wants them. */
export type Bytes = Uint8Array<ArrayBuffer>;

export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCodePoint(byte)).join(""));
}

/** Reads standard and URL-safe base64, padded or not. */
export function fromBase64(text: string): Result<Bytes, "not_base64"> {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return err("not_base64");
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, ""));
    return ok(Uint8Array.from(binary, (char) => char.charCodeAt(0)));
  } catch {
    // One character too many: no bytes end there.
    return err("not_base64");
  }
}
