/**
 * The rows of several jobs in the tables of one object (ADR 0018). Each job has a slot: numbers of its rows begin with it,
 * and so do their keys. Slot 0 is numbered as if there were no slots, so the rows of an object that holds one job are what
 * they were before objects were shared, and rows of earlier releases are of slot 0.
 */

/** More than any job has executions or versions; with slots below 2^21 all numbers are exact. */
const NUMBERS_PER_SLOT = 2 ** 32;

const SLOTTED_KEY = /^@(\d+)\//;

/** A version, a position, or 1 for the one `hot` row, as the tables number it. */
export function numberIn(slot: number, number: number): number {
  return slot * NUMBERS_PER_SLOT + number;
}

export function slotOfNumber(number: number): number {
  return Math.floor(number / NUMBERS_PER_SLOT);
}

export function withoutSlot(number: number): number {
  return number % NUMBERS_PER_SLOT;
}

/** An id or key as the tables have it. None of its own begins with `@`. */
export function keyIn(slot: number, key: string): string {
  return `${prefixOf(slot)}${key}`;
}

export function slotOfKey(key: string): number {
  return Number(SLOTTED_KEY.exec(key)?.[1] ?? 0);
}

export function withoutPrefix(slot: number, key: string): string {
  return key.slice(prefixOf(slot).length);
}

/** What deletes the rows of one slot, table by table; the bindings are numbers for numbered tables, keys for the others. */
export function deletionOf(
  slot: number,
): readonly { readonly sql: string; readonly bindings: readonly SqlStorageValue[] }[] {
  const numbers = [numberIn(slot, 0), numberIn(slot + 1, 0)];
  const prefix = prefixOf(slot);
  // `0` comes right after `/`.
  const keys = slot === 0 ? [] : [prefix, `${prefix.slice(0, -1)}0`];
  const ofSlot = (column: string) => (slot === 0 ? `${column} NOT GLOB '@*'` : `${column} >= ? AND ${column} < ?`);
  return [
    { sql: "DELETE FROM hot WHERE id >= ? AND id < ?", bindings: numbers },
    { sql: "DELETE FROM definitions WHERE version >= ? AND version < ?", bindings: numbers },
    { sql: "DELETE FROM live WHERE position >= ? AND position < ?", bindings: numbers },
    { sql: `DELETE FROM outbox WHERE ${ofSlot("id")}`, bindings: keys },
    { sql: `DELETE FROM errands WHERE ${ofSlot("id")}`, bindings: keys },
    { sql: `DELETE FROM dedupe WHERE ${ofSlot("key")}`, bindings: keys },
  ];
}

function prefixOf(slot: number): string {
  return slot === 0 ? "" : `@${slot}/`;
}
