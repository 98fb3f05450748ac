/** What a start asks for. */

import type { ExecutionSource } from "../../domain/execution/execution.ts";
import type { JsonValue } from "../../domain/json.ts";

export interface StartRequest {
  readonly source: ExecutionSource;
  readonly input?: JsonValue;
  readonly replayedFrom?: string | null;
  readonly delayUntilMs?: number;
  readonly ttlMs?: number;
  readonly maxAttempts?: number;
  readonly concurrencyKey?: string;
  readonly idempotency?: { readonly key: string; readonly shown: string; readonly windowMs: number };
  readonly batchId?: string;
  readonly bulkActionId?: string;
  readonly executionId?: string;
}
