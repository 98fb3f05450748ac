/** The `Idempotency-Key` header, of every operation that takes one. */

import type { Outcome } from "../../app/errors.ts";
import { invalid } from "../../app/errors.ts";
import { ok } from "../../domain/result.ts";
import { object, text } from "../fields.ts";

const IDEMPOTENCY_KEY = "Idempotency-Key";

export const IdempotencyHeaders = object({
  [IDEMPOTENCY_KEY]: text(1, 255)
    .optional()
    .openapi({ description: "1 to 255 visible ASCII characters.", example: "nightly-sync-1" }),
});

/** `null` when there is none. */
export function readIdempotencyKey(headers: Headers): Outcome<string | null> {
  const key = headers.get(IDEMPOTENCY_KEY);
  if (key === null || /^[\x21-\x7e]{1,255}$/.test(key)) return ok(key);
  return invalid([{ path: IDEMPOTENCY_KEY, message: "must be 1 to 255 visible ASCII characters, without spaces" }]);
}
