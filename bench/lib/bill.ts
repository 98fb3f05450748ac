/** From counts to dollars. */

import type { PlatformCounts } from "../workers/platformCounts.ts";
import { ACTOR_GIGABYTES, ACTOR_SECONDS_PER_ATTEMPT, PRICES } from "../prices.ts";

export interface Usage {
  readonly counts: PlatformCounts;
  /** `null` where the machine cannot tell: then it costs nothing here. */
  readonly cpuMs: number | null;
  readonly attempts: number;
}

/** US dollars, without the monthly allowances. */
export function priceOf({ counts, cpuMs, attempts }: Usage): number {
  return (
    (counts.fetches + counts.consumerInvocations + counts.scheduledRuns) * PRICES.workerRequest +
    (cpuMs ?? 0) * PRICES.workerCpuMs +
    counts.actorRequests * PRICES.actorRequest +
    attempts * ACTOR_SECONDS_PER_ATTEMPT * ACTOR_GIGABYTES * PRICES.actorGigabyteSecond +
    counts.actorRowsRead * PRICES.actorRowRead +
    counts.actorRowsWritten * PRICES.actorRowWritten +
    counts.queueOperations * PRICES.queueOperation +
    counts.d1RowsRead * PRICES.d1RowRead +
    counts.d1RowsWritten * PRICES.d1RowWritten
  );
}

/** What each of `times` used, where together they took the counts from `before` to `after`. */
export function perExecution(before: PlatformCounts, after: PlatformCounts, times: number): PlatformCounts {
  const each = (key: keyof PlatformCounts): number => (after[key] - before[key]) / times;
  return {
    fetches: each("fetches"),
    consumerInvocations: each("consumerInvocations"),
    scheduledRuns: each("scheduledRuns"),
    actorRequests: each("actorRequests"),
    actorRowsRead: each("actorRowsRead"),
    actorRowsWritten: each("actorRowsWritten"),
    d1Queries: each("d1Queries"),
    d1Calls: each("d1Calls"),
    d1RowsRead: each("d1RowsRead"),
    d1RowsWritten: each("d1RowsWritten"),
    queueOperations: each("queueOperations"),
  };
}
