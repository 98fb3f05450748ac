/** The kinds of fields that the API knows, each with one sentence that says what it accepts. */

import { z } from "@hono/zod-openapi";

/** One message for everything that can be wrong with a field: it says what is accepted, whatever was sent. */
function accepts(what: string): (issue: { readonly input?: unknown }) => string {
  return ({ input }) => (input === undefined ? `is required: ${what}` : `must be ${what}`);
}

export function wholeNumber(least: number, most: number) {
  const error = accepts(`a whole number from ${least} to ${most}`);
  return z.int({ error }).min(least, { error }).max(most, { error });
}

export function number(least: number, most: number) {
  const error = accepts(`a number from ${least} to ${most}`);
  return z.number({ error }).min(least, { error }).max(most, { error });
}

export function text(least: number, most: number) {
  const error = accepts(least === 0 ? `text of at most ${most} characters` : `text of ${least} to ${most} characters`);
  return z.string({ error }).min(least, { error }).max(most, { error });
}

export function flag() {
  return z.boolean({ error: accepts("true or false") });
}

export function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  const quoted = values.map((value) => JSON.stringify(value)).join(", ");
  return z.enum(values, { error: accepts(`one of ${quoted}`) });
}

/** Any moment that RFC 3339 writes with an offset. */
export function moment() {
  return z.iso.datetime({
    offset: true,
    error: accepts("a moment in ISO 8601 with its offset from UTC, such as 2030-01-31T09:00:00Z"),
  });
}

export function list<Item extends z.ZodType>(item: Item, most: number, what: string) {
  const error = accepts(`a list of at most ${most} ${what}`);
  return z.array(item, { error }).max(most, { error });
}

export function textMap(what: string) {
  const value = z.string({ error: accepts("text") });
  return z.record(z.string(), value, { error: accepts(`an object of ${what}`) });
}

export function anyJson() {
  return z.unknown();
}

/** Any JSON, `null` included, that must be given. */
export function requiredJson() {
  return z.unknown().refine((value) => value !== undefined, { error: accepts("any JSON") });
}

/** An object that refuses what it does not know; `readInput.ts` names each such field. */
export function object<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape);
}

/** A member that an input may leave out, or set to `null` for its default. */
export function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullable().optional();
}

/** The page of a list. Offsets end where they become slow; `cursor` goes on from there. */
export const LIMIT_MOST = 100;
export const LIMIT_DEFAULT = 50;
export const OFFSET_MOST = 10_000;
