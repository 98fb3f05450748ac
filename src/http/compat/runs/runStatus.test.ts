import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Execution } from "../../../domain/execution/execution.ts";
import { EXECUTION_SOURCES, EXECUTION_STATUSES } from "../../../domain/execution/execution.ts";
import type { StatusCondition } from "../../../domain/execution/statusFilter.ts";
import { statusCondition, TIMEOUT_CODES } from "../../../domain/execution/statusFilter.ts";
import { RUN_STATUSES, runError, runStatus, statusFilter, TRIGGER_TYPES } from "./runStatus.ts";

const NOW_MS = 1_000;
const codes = ["http_status", "cancelled", "expired", "skipped_overlap", ...TIMEOUT_CODES];

const pictures = fc.record({
  status: fc.constantFrom(...EXECUTION_STATUSES),
  error: fc.option(fc.record({ code: fc.constantFrom(...codes), message: fc.constant("x") })),
  scheduledForMs: fc.nat(2 * NOW_MS),
  startedAtMs: fc.constant(null),
});

function fits(
  { status, error, scheduledForMs }: Pick<Execution, "status" | "error" | "scheduledForMs">,
  condition: StatusCondition,
) {
  if (status !== condition.status) return false;
  const { errorCodes, due } = condition;
  if (errorCodes && errorCodes.codes.includes(error?.code ?? "") !== errorCodes.isOneOf) return false;
  return due === undefined || scheduledForMs > due.momentMs === due.isAfter;
}

describe("the status of a run", () => {
  it("is found by its own filter and by no other", () => {
    fc.assert(
      fc.property(pictures, (execution) => {
        const found = RUN_STATUSES.filter((status) => fits(execution, statusCondition(statusFilter(status), NOW_MS)));
        expect(found).toEqual([runStatus(execution)]);
      }),
    );
  });

  it.each([
    ["queued", null, "pending"],
    ["running", null, "running"],
    ["waiting", null, "suspended"],
    ["succeeded", null, "completed"],
    ["failed", "http_status", "failed"],
    ["failed", "timeout", "timeout"],
    ["failed", "approval_timeout", "timeout"],
    ["cancelled", "cancelled", "cancelled"],
    ["cancelled", "expired", "cancelled"],
  ] as const)("of %s (%s) is %s", (status, code, expected) => {
    const error = code === null ? null : { code, message: "x" };
    expect(runStatus({ status, error, scheduledForMs: 0, startedAtMs: null })).toBe(expected);
  });
});

describe("the error of a run", () => {
  it.each([
    ["failed", "http_status", "STEP_ERROR"],
    ["failed", "timeout", "TIMEOUT"],
    ["cancelled", "skipped_overlap", "SKIPPED_OVERLAP"],
  ] as const)("of %s by %s is %s", (status, code, expected) => {
    const error = { code, message: "Connection timeout" };
    expect(runError({ status, error, scheduledForMs: 0, startedAtMs: null })).toEqual({
      code: expected,
      message: "Connection timeout",
    });
  });

  it("is null where there is none", () => {
    expect(runError({ status: "succeeded", error: null, scheduledForMs: 0, startedAtMs: null })).toBeNull();
  });
});

it("every source is one of the seed's trigger types", () => {
  expect(EXECUTION_SOURCES.map((source) => [source, TRIGGER_TYPES[source]])).toEqual([
    ["schedule", "schedule"],
    ["manual", "manual"],
    ["replay", "api"],
    ["webhook", "webhook"],
    ["api", "api"],
    ["restart", "api"],
    ["job", "api"],
  ]);
});
