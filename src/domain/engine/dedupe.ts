/**
 * Keys that keep one thing from starting two executions: of an event, of a caller's choice, of a child that its parent may
 * ask for again.
 *
 * They live for up to a month and may be many, so the state does not hold them. The actor looks up the keys that an
 * event names and hands them in; the engine says which to remember and which to forget.
 */

import type { TriggerRequest } from "./protocol.ts";

export interface Deduped {
  readonly executionId: string;
  /** From then on the same key starts a new execution. */
  readonly untilMs: number;
}

export type KnownKeys = ReadonlyMap<string, Deduped>;

export type KeyChange =
  ({ readonly type: "remember"; readonly key: string } & Deduped) | { readonly type: "forget"; readonly key: string };

/** A child that its parent may ask for again is remembered this long after its start. */
export const CHILD_REMEMBERED_MS = 24 * 60 * 60 * 1_000;

/** The key of a start, and how long it counts; `null` for one that may be repeated. */
export function startKey(
  start: Pick<TriggerRequest, "parent" | "dedupe"> & { readonly id: string },
): { readonly key: string; readonly windowMs: number } | null {
  if (start.parent) return { key: childKey(start.id), windowMs: CHILD_REMEMBERED_MS };
  if (!start.dedupe) return null;
  const { key, windowMs, kind } = start.dedupe;
  return { key: kind === "idempotency" ? idempotencyKey(key) : `event:${key}`, windowMs };
}

export function childKey(executionId: string): string {
  return `child:${executionId}`;
}

export function idempotencyKey(key: string): string {
  return `idempotency:${key}`;
}
