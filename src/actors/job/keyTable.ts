/** The `dedupe` table: keys that keep one thing from starting two executions. Never read as a whole. */

import type { Deduped, KeyChange, KnownKeys } from "../../domain/engine/dedupe.ts";
import { keyIn, withoutPrefix } from "./slots.ts";

export interface Statement {
  readonly sql: string;
  readonly bindings: readonly SqlStorageValue[];
}

export interface KeyRow extends Record<string, SqlStorageValue> {
  key: string;
  execution_id: string;
  until_ms: number;
}

export function lookUpStatement(keys: readonly string[], slot: number): Statement {
  return {
    sql: "SELECT key, execution_id, until_ms FROM dedupe WHERE key IN (SELECT value FROM json_each(?))",
    bindings: [JSON.stringify(keys.map((key) => keyIn(slot, key)))],
  };
}

export function toKnownKeys(rows: readonly KeyRow[], slot: number): KnownKeys {
  return new Map(
    rows.map((row): [string, Deduped] => [
      withoutPrefix(slot, row.key),
      { executionId: row.execution_id, untilMs: row.until_ms },
    ]),
  );
}

const REMEMBER = `
INSERT INTO dedupe (key, execution_id, until_ms) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET execution_id = excluded.execution_id, until_ms = excluded.until_ms`;

/**
 * Removes keys whose time is over, out of a few beside one that is added, so that no event ever reads all of them: the
 * ones after it, and the first of the table. Digests are spread evenly, so that each new one looks at eight others at
 * random, and of those that are kept no more than about every eighth is over. Children's keys come first, by their time.
 * Keys of other jobs in the object are swept as well, since what is over is over.
 */
const SWEEP = `
DELETE FROM dedupe WHERE until_ms <= ?2 AND key IN (
  SELECT key FROM (SELECT key FROM dedupe WHERE key > ?1 ORDER BY key LIMIT 8)
  UNION ALL SELECT key FROM (SELECT key FROM dedupe ORDER BY key LIMIT 8)
)`;

export function changeStatements(change: KeyChange, slot: number, nowMs: number): readonly Statement[] {
  const key = keyIn(slot, change.key);
  if (change.type === "forget") return [{ sql: "DELETE FROM dedupe WHERE key = ?", bindings: [key] }];
  return [
    { sql: REMEMBER, bindings: [key, change.executionId, change.untilMs] },
    { sql: SWEEP, bindings: [key, nowMs] },
  ];
}
