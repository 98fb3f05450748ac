/** Counts what objects read and write, at the platform's own classes: the engine's book-keeping is not asked. */

import type { PlatformCounts } from "./platformCounts.ts";

/** Reads `rowsRead` and `rowsWritten` late: they are known once the rows were taken out. */
type Cursor = Pick<SqlStorageCursor<Record<string, SqlStorageValue>>, "rowsRead" | "rowsWritten">;

export interface StorageCounter {
  /** Counts from now on in every object of this isolate; once is enough. */
  watch(storage: DurableObjectStorage): void;
  /** Adds what the statements since the last call have read and written. */
  settle(): void;
}

export function createStorageCounter(counts: PlatformCounts): StorageCounter {
  const open: Cursor[] = [];
  let isWatching = false;
  return {
    watch(storage) {
      if (isWatching) return;
      isWatching = true;
      after(prototypeOf(storage.sql), "exec", (cursor) => open.push(cursor as Cursor));
      after(prototypeOf(storage), "setAlarm", () => (counts.actorRowsWritten += 1));
      after(prototypeOf(storage), "deleteAlarm", () => (counts.actorRowsWritten += 1));
    },
    settle() {
      for (const { rowsRead, rowsWritten } of open.splice(0)) {
        counts.actorRowsRead += rowsRead;
        counts.actorRowsWritten += rowsWritten;
      }
    },
  };
}

function prototypeOf(instance: object): Record<string, (...args: unknown[]) => unknown> {
  return Object.getPrototypeOf(instance) as Record<string, (...args: unknown[]) => unknown>;
}

function after(
  prototype: Record<string, (...args: unknown[]) => unknown>,
  method: string,
  listener: (result: unknown) => void,
): void {
  const original = prototype[method];
  if (original === undefined) throw new Error(`The platform's class has no ${method}().`);
  Object.defineProperty(prototype, method, {
    configurable: true,
    value(this: object, ...args: unknown[]) {
      const result = Reflect.apply(original, this, args);
      listener(result);
      return result;
    },
  });
}
