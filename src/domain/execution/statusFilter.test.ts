import { describe, expect, it } from "vitest";
import type { Execution } from "./execution.ts";
import { EXECUTION_STATUSES } from "./execution.ts";
import type { StatusCondition } from "./statusFilter.ts";
import { narrowStatus, STATUS_FILTERS, statusCondition } from "./statusFilter.ts";

const NOW = 1_000_000;

type Judged = Pick<Execution, "status" | "error" | "startedAtMs" | "scheduledForMs">;

const judged: Judged[] = EXECUTION_STATUSES.flatMap((status) =>
  [null, "expired", "timeout", "approval_timeout", "http_status"].flatMap((code) =>
    [NOW - 1, NOW, NOW + 1].map((scheduledForMs) => ({
      status,
      scheduledForMs,
      startedAtMs: null,
      error: code === null ? null : { code, message: "" },
    })),
  ),
);

function holds({ status, errorCodes, due }: StatusCondition, each: Judged): boolean {
  return (
    each.status === status &&
    (errorCodes === undefined || errorCodes.codes.includes(each.error?.code ?? "") === errorCodes.isOneOf) &&
    (due === undefined || each.scheduledForMs > due.momentMs === due.isAfter)
  );
}

describe("status filters", () => {
  it("say the same of every execution as its narrow status does", () => {
    for (const each of judged) {
      const narrow = narrowStatus(each, NOW);
      const fitting = STATUS_FILTERS.filter((filter) => holds(statusCondition(filter, NOW), each));
      expect(fitting.toSorted(), JSON.stringify(each)).toEqual([...new Set([each.status, narrow])].toSorted());
    }
  });

  it.each([
    ["queued", null, NOW + 1, "delayed"],
    ["queued", null, NOW, "queued_only"],
    ["cancelled", "expired", NOW, "expired"],
    ["cancelled", "cancelled", NOW, "cancelled_only"],
    ["failed", "webhook_timeout", NOW, "timed_out"],
    ["failed", "http_status", NOW, "failed_only"],
    ["waiting", null, NOW + 1, "waiting"],
  ] as const)("take %s with error %s, due at %d, for %s", (status, code, scheduledForMs, expected) => {
    const error = code === null ? null : { code, message: "" };
    expect(narrowStatus({ status, error, startedAtMs: null, scheduledForMs }, NOW)).toBe(expected);
  });
});
