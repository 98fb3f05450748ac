/** Changes of an execution's metadata, one member at a time (seed: Trigger.dev `PUT /runs/:id/metadata`). */

import type { JsonValue } from "../json.ts";
import { jsonEqual } from "../response/operators.ts";
import type { Metadata } from "./labels.ts";

/**
 * A `key` names one member of the metadata, dots and all, unless it begins with `$.`: then it is a path of members and
 * indexes, such as `$.progress.steps[0].done`.
 */
export type MetadataOperation =
  | { readonly type: "set"; readonly key: string; readonly value: JsonValue }
  | { readonly type: "delete"; readonly key: string }
  /** To a list. What is no list yet becomes the first element of one. */
  | { readonly type: "append"; readonly key: string; readonly value: JsonValue }
  /** Takes every element that equals the value out of a list. */
  | { readonly type: "remove"; readonly key: string; readonly value: JsonValue }
  /** Counts from 0 where there is nothing; what is no number stays as it is. */
  | { readonly type: "increment"; readonly key: string; readonly value: number }
  /** The whole metadata. */
  | { readonly type: "update"; readonly value: Metadata };

type Path = readonly (string | number)[];

/** The metadata after all operations, in their order; the metadata that is handed in stays as it is. */
export function applyOperations(metadata: Metadata, operations: readonly MetadataOperation[]): Metadata {
  return operations.reduce(applyOperation, metadata);
}

function applyOperation(metadata: Metadata, operation: MetadataOperation): Metadata {
  if (operation.type === "update") return operation.value;
  const path = pathOf(operation.key);
  // A path that begins at an object ends in one: only its members change.
  return changeAt(metadata, path, (before) => valueAfter(before, operation)) as Metadata;
}

/** `undefined` removes the member. */
function valueAfter(
  before: JsonValue | undefined,
  operation: Exclude<MetadataOperation, { type: "update" }>,
): JsonValue | undefined {
  switch (operation.type) {
    case "set":
      return operation.value;
    case "delete":
      return undefined;
    case "append":
      if (before === undefined) return [operation.value];
      return isList(before) ? [...before, operation.value] : [before, operation.value];
    case "remove":
      return isList(before) ? before.filter((element) => !jsonEqual(element, operation.value)) : before;
    case "increment":
      if (before === undefined) return operation.value;
      return typeof before === "number" ? before + operation.value : before;
  }
}

/** `$.a.b[0]` in parts; any other text is one member's name. */
function pathOf(key: string): Path {
  if (!key.startsWith("$.")) return [key];
  const parts = [...key.slice(2).matchAll(/\[(\d+)\]|([^.[\]]+)/g)];
  return parts.length === 0
    ? [key]
    : parts.map(([, index, name]) => (index === undefined ? (name ?? "") : Number(index)));
}

/**
 * The value with one place in it changed. Missing objects on the way are made; a way that leads through something that is
 * neither object nor list, or beyond the end of a list, changes nothing.
 */
function changeAt(
  value: JsonValue | undefined,
  path: Path,
  change: (before: JsonValue | undefined) => JsonValue | undefined,
): JsonValue | undefined {
  const [part, ...rest] = path;
  if (part === undefined) return change(value);
  if (typeof part === "number") return changeElement(value, part, rest, change);
  if (value !== undefined && !isObject(value)) return value;
  const before = value !== undefined && Object.hasOwn(value, part) ? value[part] : undefined;
  const after = changeAt(before, rest, change);
  const others = Object.entries(value ?? {}).filter(([name]) => name !== part);
  if (after === undefined) return value === undefined && others.length === 0 ? undefined : Object.fromEntries(others);
  // Entries, because a member may be called `__proto__`.
  return Object.fromEntries(before === undefined ? [...others, [part, after]] : entriesWith(value ?? {}, part, after));
}

function entriesWith(value: Readonly<Record<string, JsonValue>>, part: string, after: JsonValue) {
  return Object.entries(value).map(([name, member]) => [name, name === part ? after : member] as const);
}

function changeElement(
  value: JsonValue | undefined,
  index: number,
  rest: Path,
  change: (before: JsonValue | undefined) => JsonValue | undefined,
): JsonValue | undefined {
  if (!isList(value) || index > value.length) return value;
  const after = changeAt(value[index], rest, change);
  if (after === undefined) return value.filter((_, place) => place !== index);
  return [...value.slice(0, index), after, ...value.slice(index + 1)];
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isObject(value: JsonValue): value is Readonly<Record<string, JsonValue>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
