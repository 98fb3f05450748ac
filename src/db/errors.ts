/**
 * What went wrong in D1, as a class that says what to do about it.
 *
 * Nothing of a statement or its parameters gets into a message here: drizzle's own error quotes both, and parameters are
 * user data. So the original error is classified and then dropped, not kept as a `cause`.
 */

import { DrizzleQueryError } from "drizzle-orm/errors";

/**
 * - `transient`: the same call may succeed at once; retry it if it is idempotent.
 * - `overload`: retrying makes it worse; shed, or come back through the queue.
 * - `query_fault`: our statement is at fault; never retry, alert.
 * - `full`: a size or a quota is used up; stop writing, keep firing.
 * - `constraint`: the data refuses it.
 */
export type StorageFault = "transient" | "overload" | "query_fault" | "full" | "constraint" | "unknown";

/** Texts of D1 (facts 3.3) and of SQLite's result codes, in the order in which they are looked for. */
const MARKERS: readonly (readonly [StorageFault, readonly string[]])[] = [
  [
    "query_fault",
    [
      "storage operation exceeded timeout",
      "isolate exceeded its memory limit",
      "exceeded its CPU time limit",
      "D1_TYPE_ERROR",
      "SQLITE_TOOBIG",
      "string or blob too big",
      "SQLITE_ERROR",
      "SQLITE_AUTH",
    ],
  ],
  [
    "full",
    [
      "Exceeded maximum DB size",
      "exceeded D1's maximum account storage limit",
      "free tier daily row",
      "SQLITE_FULL",
      "database or disk is full",
    ],
  ],
  ["overload", ["D1 DB is overloaded", "Too many requests queued", "Requests queued for too long"]],
  ["constraint", ["SQLITE_CONSTRAINT", "constraint failed"]],
  [
    "transient",
    [
      "Network connection lost",
      "reset because its code was updated",
      "storage caused object to be reset",
      "Cannot resolve D1 DB due to transient issue",
      "internal error; reference =",
      "SQLITE_BUSY",
      "database is locked",
    ],
  ],
];

/** A chain of causes is never longer than this in practice; the bound is against one that bites its tail. */
const LONGEST_CHAIN = 8;

/** The class of an error that a D1 call threw, and the marker by which it was told; its name, when nothing told it. */
export function classifyStorageError(thrown: unknown): { fault: StorageFault; marker: string | null } {
  if (thrown instanceof StorageError) return { fault: thrown.fault, marker: thrown.marker };
  const texts = chainOf(thrown);
  for (const [fault, markers] of MARKERS) {
    const marker = markers.find((each) => texts.some((text) => text.includes(each)));
    if (marker !== undefined) return { fault, marker };
  }
  return { fault: "unknown", marker: thrown instanceof Error ? thrown.name : null };
}

function chainOf(thrown: unknown): string[] {
  const texts: string[] = [];
  let error = thrown;
  for (let depth = 0; depth < LONGEST_CHAIN && error instanceof Error; depth++) {
    // Quotes statement and parameters, where a user could have written any marker.
    if (!(error instanceof DrizzleQueryError)) texts.push(error.message);
    error = error.cause;
  }
  return texts;
}

/** A D1 call failed. The message holds the operation and the class, and is safe to log. */
export class StorageError extends Error {
  override readonly name: string = "StorageError";
  readonly operation: string;
  readonly fault: StorageFault;
  readonly marker: string | null;

  constructor(operation: string, fault: StorageFault, marker: string | null) {
    super(`${operation} failed in D1: ${fault}${marker === null ? "" : ` (${marker})`}`);
    this.operation = operation;
    this.fault = fault;
    this.marker = marker;
  }
}

/** D1 cannot be reached or is overloaded: the caller may come back, so the API answers 503. */
export class StorageUnavailable extends StorageError {
  override readonly name = "StorageUnavailable";
}

/** Whatever a D1 call threw, as an error that may leave this folder. */
export function toStorageError(operation: string, thrown: unknown): StorageError {
  if (thrown instanceof StorageError) return thrown;
  const { fault, marker } = classifyStorageError(thrown);
  return fault === "transient" || fault === "overload"
    ? new StorageUnavailable(operation, fault, marker)
    : new StorageError(operation, fault, marker);
}
