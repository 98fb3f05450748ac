/** Objects of any JSON, as inputs are. */

import { z } from "@hono/zod-openapi";
import type { JsonValue } from "../../../domain/json.ts";

export function jsonMap(what: string) {
  const map = z.record(z.string(), z.unknown(), { error: `must be an object of ${what}` });
  // What came out of `JSON.parse` is JSON, though the schema says only that it is anything.
  return map.transform((value) => value as Readonly<Record<string, JsonValue>>);
}
