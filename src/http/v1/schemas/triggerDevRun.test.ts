import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { aJob, anAttempt, anExecution, aStepRecord, aWorkflow } from "../../../../test/workerd/db/builders.ts";
import { ROOT } from "../../../../scripts/lib/paths.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import type { ExecutionSummary } from "../../../app/ports.ts";
import { NO_START_OPTIONS } from "../../../domain/execution/execution.ts";
import type { RunSurroundings } from "./triggerDevRun.ts";
import { RUN_STATUSES, TriggerDevRunSchema, fromExecutionAsRun } from "./triggerDevRun.ts";

/** The schema of the seed, without its prose. */
const SEED = JSON.parse(readFileSync(join(ROOT, "test/fixtures/triggerDevRun.schema.json"), "utf8"));

const ajv = new Ajv({ allErrors: true, strictTypes: false });
addFormats.default(ajv);
const fitsSeed = ajv.compile(SEED);

const JOB = aJob();
const NOW_MS = 2_000_000_000_000;
const ALONE: RunSurroundings = { labels: undefined, ancestors: [], children: [] };
const LATER_MS = NOW_MS + 3_600_000;
const FAILED_ATTEMPT = anAttempt({ status: "HTTP_ERROR", errorClass: "http_status", errorMessage: "HTTP 500" });

const failed = (code: string, attempts = [FAILED_ATTEMPT]): Partial<Execution> => ({
  status: "failed",
  error: { code, message: "It went wrong." },
  attempts,
});
const cancelled = (code: string): Partial<Execution> => ({
  status: "cancelled",
  startedAtMs: null,
  error: { code, message: "Cancelled." },
  attempts: [],
});
const UNFINISHED = { finishedAtMs: null, attempts: [] } as const;

/** One execution for each status that can occur. Nothing here waits for a deployment. */
const EXECUTIONS: Readonly<Record<Exclude<(typeof RUN_STATUSES)[number], "WAITING_FOR_DEPLOY">, Partial<Execution>>> = {
  QUEUED: { status: "queued", startedAtMs: null, ...UNFINISHED },
  DELAYED: { status: "queued", source: "api", scheduledForMs: LATER_MS, startedAtMs: null, ...UNFINISHED },
  EXECUTING: { status: "running", ...UNFINISHED },
  REATTEMPTING: { status: "running", finishedAtMs: null, attempts: [FAILED_ATTEMPT] },
  WAITING_TO_RESUME: { status: "waiting", ...UNFINISHED, workflow: aWorkflow() },
  COMPLETED_SUCCESSFULLY: { start: { ...NO_START_OPTIONS, input: { order: 7 } } },
  COMPLETED_WITH_ERRORS: failed("http_status"),
  INTERRUPTED: cancelled("cancelled_overlap"),
  CANCELLED: cancelled("cancelled"),
  CRASHED: failed("worker_lost"),
  FAILED_TO_RUN: failed("target_refused", []),
  TIMED_OUT: failed("timeout"),
  EXPIRED: cancelled("expired"),
  SYSTEM_FAILURE: failed("secret_store_unreachable"),
};

const view = (changes: Partial<Execution>, surroundings = ALONE) =>
  fromExecutionAsRun(anExecution(JOB, changes), surroundings, NOW_MS);

describe("an execution as a Trigger.dev run", () => {
  it.each(Object.entries(EXECUTIONS))("that is %s fits the seed's JSON Schema, and our own", (status, changes) => {
    const run = view(changes);
    expect(run.status).toBe(status);
    expect([fitsSeed(run), fitsSeed.errors]).toEqual([true, null]);
    expect(TriggerDevRunSchema.parse(run)).toEqual(run);
  });

  it("knows the same statuses as the seed", () => {
    expect([...RUN_STATUSES].toSorted()).toEqual([...SEED.properties.status.enum].toSorted());
  });

  it("has no field that the seed does not know", () => {
    const run = view(EXECUTIONS.COMPLETED_SUCCESSFULLY);
    expect(Object.keys(SEED.properties)).toEqual(expect.arrayContaining(Object.keys(run)));
  });

  it("shows payload, output, labels and related runs", () => {
    const parent = anExecution(JOB, { source: "manual", workflow: aWorkflow({ steps: [aStepRecord()] }) });
    const {
      output: _,
      attempts,
      parent: __,
      workflow: ___,
      start: ____,
      ...summary
    } = anExecution(JOB, { source: "job" });
    const child: ExecutionSummary = { ...summary, attemptCount: attempts.length, lastStatusCode: 200 };
    const run = view(EXECUTIONS.COMPLETED_SUCCESSFULLY, {
      labels: { tags: ["a"], metadata: { m: 1 }, updatedAtMs: NOW_MS },
      ancestors: [parent],
      children: [child],
    });
    expect(run).toMatchObject({
      payload: { order: 7 },
      output: { ok: true },
      tags: ["a"],
      metadata: { m: 1 },
      updatedAt: new Date(NOW_MS).toISOString(),
      relatedRuns: {
        root: { id: parent.id.replace("exe_", "run_"), taskIdentifier: JOB.name },
        parent: { id: parent.id.replace("exe_", "run_"), status: "COMPLETED_SUCCESSFULLY" },
        children: [{ id: child.id.replace("exe_", "run_") }],
      },
      attempts: [{ id: "attempt_1", status: "COMPLETED" }],
    });
    expect(fitsSeed(run)).toBe(true);
  });

  it("has dates that are null until they come, as the seed says", () => {
    expect(view(EXECUTIONS.QUEUED)).toMatchObject({ startedAt: null, finishedAt: null });
  });
});
