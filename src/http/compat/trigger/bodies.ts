/** Kinds of fields in Trigger.dev's bodies. What is not known in one is passed over: newer clients send more. */

import { z } from "@hono/zod-openapi";
import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import { TAG_CHARACTERS_MOST } from "../../../domain/execution/labels.ts";
import { ok } from "../../../domain/result.ts";
import { DURATION_FORMAT, MOMENT_FORMAT, parseDuration, parseMoment } from "./duration.ts";

/** Of a key that its owner chose (facts 3.1). */
const KEY_CHARACTERS_MOST = 2_048;

/** One tag, or a list of them. */
export function tagList() {
  const tag = z.string({ error: `must be text of 1 to ${TAG_CHARACTERS_MOST} characters, or a list of such texts` });
  return z.union([tag, z.array(tag)]).transform((tags) => (typeof tags === "string" ? [tags] : tags));
}

/** One text, or a list of them. */
export function textList() {
  const error = "must be text, or a list of texts";
  return z
    .union([z.string({ error }), z.array(z.string({ error }))], { error })
    .transform((texts) => (typeof texts === "string" ? [texts] : texts));
}

export function idempotencyKey() {
  const error = `must be text of 1 to ${KEY_CHARACTERS_MOST} characters`;
  return z.string({ error }).min(1, { error }).max(KEY_CHARACTERS_MOST, { error });
}

/** A moment or a duration, which `readMomentField` and `readDurationField` read: that takes more than a schema knows. */
export function textOrNumber(what: string) {
  return z.union([z.string(), z.number()], { error: `must be ${what}` });
}

/** The moment of a field that was given; `undefined` for one that was not. */
export function readMomentField(
  path: string,
  value: string | number | null | undefined,
  nowMs: number,
): Outcome<number | undefined> {
  if (value === null || value === undefined) return ok(undefined);
  const momentMs = parseMoment(value, nowMs);
  return momentMs === null ? invalid([{ path, message: `must be ${MOMENT_FORMAT}` }]) : ok(momentMs);
}

/** Milliseconds of a duration, or of whole seconds given as a number; `undefined` for a field that was not given. */
export function readDurationField(
  path: string,
  value: string | number | null | undefined,
): Outcome<number | undefined> {
  if (value === null || value === undefined) return ok(undefined);
  const durationMs = typeof value === "number" ? value * 1_000 : parseDuration(value.trim());
  const isGood = durationMs !== null && Number.isInteger(durationMs) && durationMs >= 0;
  return isGood ? ok(durationMs) : invalid([{ path, message: `must be ${DURATION_FORMAT}` }]);
}
