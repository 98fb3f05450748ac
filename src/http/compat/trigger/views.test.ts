/** What the face shows, held against exact sets of fields and against the client's own schemas. */

import {
  BulkActionObject,
  ListRunResponseItem,
  QueueItem,
  RetrieveBatchV2Response,
  RetrieveRunResponse,
  ScheduleObject,
  TaskRunExecutionResult,
  WaitpointRetrieveTokenResponse,
  WaitpointTokenItem,
} from "@trigger.dev/core/v3";
import { describe, expect, it } from "vitest";
import { aJob, anAttempt, anExecution, aStepRecord, aWorkflow } from "../../../../test/workerd/db/builders.ts";
import type { ExecutionSummary } from "../../../app/ports.ts";
import type { ScheduleView } from "../../../app/schedules/taskSchedules.ts";
import type { Execution, StartOptions } from "../../../domain/execution/execution.ts";
import type { Labels } from "../../../domain/execution/labels.ts";
import type { WaitToken } from "../../../domain/waitToken/waitToken.ts";
import { toBatch } from "./batches.ts";
import { toBulkAction } from "./bulkActions.ts";
import { toQueue } from "./queues.ts";
import { toRunEvents, toRunResult } from "./runRecord.ts";
import type { ApiDialect } from "./runStatus.ts";
import { runStatus, statusFilters, statusFlags } from "./runStatus.ts";
import type { RelatedRun, RunContext } from "./runView.ts";
import { asRunSource, toRun, toRunItem } from "./runView.ts";
import { toSchedule } from "./schedules.ts";
import { toToken } from "./waitTokens.ts";

const NOW_MS = 2_000_000_000_000;
const JOB = aJob();
const NEW = { nowMs: NOW_MS, dialect: "new" } as const;
const LABELS: Labels = { tags: ["a"], metadata: { m: 1 }, updatedAtMs: NOW_MS };
const START: StartOptions = {
  input: { n: 1 },
  ttlMs: 3_600_000,
  maxAttempts: 2,
  concurrencyKey: "k",
  idempotencyKey: "key",
  batchId: "batch_1",
  bulkActionId: "bulk_1",
};
const SCHEDULE: ScheduleView = {
  job: { ...JOB, schedule: { kind: "cron", cron: "0 * * * *", timezone: "UTC", dst: { gap: "run", repeat: "once" } } },
  binding: {
    jobId: JOB.id,
    workspaceId: JOB.workspaceId,
    taskJobId: JOB.id,
    externalId: "ext",
    deduplicationKey: "dk",
  },
  cron: "0 * * * *",
  timezone: "UTC",
  active: true,
  nextRunAtMs: NOW_MS,
};
const TOKEN: WaitToken = {
  id: "waitpoint_1",
  workspaceId: JOB.workspaceId,
  createdAtMs: NOW_MS - 1_000,
  timeoutAtMs: NOW_MS + 1_000,
  completedAtMs: NOW_MS,
  idempotencyKey: "key",
  idempotencyUntilMs: NOW_MS + 1_000,
  tags: ["a"],
  output: '{"a":1}',
};
const SERVICES = { publicUrl: "https://carillon.test", clock: { now: () => NOW_MS } };

/** With every field that there can be. */
const FULL = anExecution(JOB, {
  source: "api",
  scheduledForMs: NOW_MS - 9_000,
  createdAtMs: NOW_MS - 10_000,
  start: START,
});
const RELATED: RelatedRun = { run: asRunSource(FULL), labels: LABELS, depth: 1, isAwaited: true };
const CONTEXT: RunContext = { labels: LABELS, schedule: SCHEDULE, root: RELATED, parent: RELATED, children: [RELATED] };
const ALONE: RunContext = { labels: undefined, schedule: null, root: null, parent: null, children: [] };

/** As it travels: what JSON cannot hold is gone. */
const onWire = (value: unknown): any => JSON.parse(JSON.stringify(value)); // oxlint-disable-line typescript/no-explicit-any -- asserted below
const keys = (value: object) => Object.keys(onWire(value)).toSorted();

function summaryOf(execution: Execution): ExecutionSummary {
  const { attempts, output: _, parent: __, workflow: ___, start: ____, ...summary } = execution;
  return { ...summary, attemptCount: attempts.length, lastStatusCode: 200 };
}

const COMMON = [
  "baseCostInCents",
  "costInCents",
  "createdAt",
  "delayedUntil",
  "durationMs",
  "finishedAt",
  "id",
  "isCancelled",
  "isCompleted",
  "isExecuting",
  "isFailed",
  "isQueued",
  "isSuccess",
  "isTest",
  "isWaiting",
  "metadata",
  "startedAt",
  "status",
  "tags",
  "taskIdentifier",
  "updatedAt",
  "version",
];

describe("the fields of", () => {
  it.each<[string, object, readonly string[]]>([
    [
      "a run",
      toRun(FULL, CONTEXT, NEW),
      [
        ...COMMON,
        "attemptCount",
        "attempts",
        "batchId",
        "depth",
        "idempotencyKey",
        "output",
        "payload",
        "relatedRuns",
        "schedule",
        "triggerFunction",
        "ttl",
      ],
    ],
    ["a related run", toRun(FULL, CONTEXT, NEW).relatedRuns.parent ?? {}, [...COMMON, "depth", "triggerFunction"]],
    ["an item of a list", toRunItem(summaryOf(FULL), LABELS, NEW), [...COMMON, "attempts", "env"]],
    [
      "a run's schedule",
      toRun(FULL, CONTEXT, NEW).schedule ?? {},
      ["deduplicationKey", "externalId", "generator", "id"],
    ],
    [
      "a schedule",
      toSchedule(SCHEDULE),
      [
        "active",
        "deduplicationKey",
        "environments",
        "externalId",
        "generator",
        "id",
        "nextRun",
        "task",
        "timezone",
        "type",
      ],
    ],
    [
      "a wait token",
      toToken(SERVICES, TOKEN),
      [
        "completedAt",
        "createdAt",
        "id",
        "idempotencyKey",
        "idempotencyKeyExpiresAt",
        "status",
        "tags",
        "timeoutAt",
        "url",
      ],
    ],
    [
      "a queue",
      toQueue({ job: JOB, running: 1, queued: 2, delayed: 3, waiting: 4, total: 5 }),
      ["concurrency", "concurrencyLimit", "id", "name", "paused", "queued", "running", "type"],
    ],
    [
      "a batch",
      toBatch({
        id: "batch_1",
        status: "COMPLETED",
        createdAtMs: NOW_MS,
        updatedAtMs: NOW_MS,
        runCount: 1,
        idempotencyKey: "key",
        runs: [FULL.id],
        errors: [],
      }),
      ["createdAt", "id", "idempotencyKey", "processing", "runCount", "runs", "status", "updatedAt"],
    ],
    [
      "a bulk action",
      toBulkAction({
        id: "bulk_1",
        workspaceId: JOB.workspaceId,
        action: "cancel",
        name: "name",
        status: "COMPLETED",
        target: { type: "executions", ids: [] },
        counts: { total: 0, success: 0, failure: 0 },
        createdAtMs: NOW_MS,
        completedAtMs: NOW_MS,
      }),
      ["completedAt", "counts", "createdAt", "id", "name", "status", "type"],
    ],
  ])("%s are these and no others", (_what, shown, expected) => {
    expect(keys(shown)).toEqual([...expected].toSorted());
  });
});

/** Every state that an execution can be seen in. */
const STATES: readonly Partial<Execution>[] = [
  { status: "queued", startedAtMs: null, finishedAtMs: null, attempts: [] },
  {
    status: "queued",
    source: "api",
    scheduledForMs: NOW_MS + 1_000,
    startedAtMs: null,
    finishedAtMs: null,
    attempts: [],
  },
  { status: "running", finishedAtMs: null, attempts: [] },
  { status: "running", finishedAtMs: null, attempts: [anAttempt({ status: "HTTP_ERROR" })] },
  { status: "waiting", finishedAtMs: null, attempts: [], workflow: aWorkflow({ steps: [aStepRecord()] }) },
  { status: "succeeded" },
  { status: "failed", error: { code: "http_status", message: "HTTP 500." } },
  { status: "failed", error: { code: "timeout", message: "No answer." } },
  { status: "cancelled", startedAtMs: null, error: { code: "cancelled", message: "Cancelled." } },
  { status: "cancelled", startedAtMs: null, error: { code: "expired", message: "Nobody began it." } },
];
const NEW_NAMES = [
  "QUEUED",
  "DELAYED",
  "EXECUTING",
  "EXECUTING",
  "WAITING",
  "COMPLETED",
  "FAILED",
  "TIMED_OUT",
  "CANCELED",
  "EXPIRED",
];
const OLD_NAMES = NEW_NAMES.with(3, "REATTEMPTING").with(4, "FROZEN");
const statuses = (dialect: ApiDialect) =>
  STATES.map((state) => runStatus(asRunSource(anExecution(JOB, state)), NOW_MS, dialect));

/** Names that a date has. */
const isDate = (name: string) => /(At|Until|Run)$/.test(name);

function nullDates(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const here = `${path}.${name}`;
    return isDate(name) && member === null ? [here] : nullDates(member, here);
  });
}

describe("a run in each of its states", () => {
  it("has the newer names of statuses for those who send an API version, the older ones for others", () => {
    expect(statuses("new")).toEqual(NEW_NAMES);
    expect(statuses("old")).toEqual(OLD_NAMES);
  });

  it.each(STATES.map((state, index) => [NEW_NAMES[index], state] as const))(
    "%s is what the client reads",
    (name, state) => {
      const execution = anExecution(JOB, state);
      const run = onWire(toRun(execution, ALONE, NEW));
      const read = RetrieveRunResponse.parse(run);
      expect(read.status).toBe(name);
      const item = onWire(toRunItem(summaryOf(execution), undefined, NEW));
      expect(ListRunResponseItem.parse(item).id).toBe(read.id);
      expect(run.attempts).toEqual([]);
      expect([...nullDates(run), ...nullDates(item)]).toEqual([]);
      // The client makes a date of 1970 of what it cannot read.
      for (const date of [read.createdAt, read.updatedAt, read.startedAt, read.finishedAt]) {
        if (date !== undefined) expect(date.getFullYear()).toBeGreaterThan(2000);
      }
    },
  );

  it("is completed whenever it has ended, timed out and expired too, for poll ends with that alone", () => {
    const ended = NEW_NAMES.filter((name) => statusFlags(name).isCompleted);
    expect(ended).toEqual(["COMPLETED", "FAILED", "TIMED_OUT", "CANCELED", "EXPIRED"]);
    expect(NEW_NAMES.filter((name) => statusFlags(name).isSuccess)).toEqual(["COMPLETED"]);
    expect(statusFlags("TIMED_OUT")).toMatchObject({ isFailed: true, isCancelled: false });
    expect(statusFlags("CANCELED")).toMatchObject({ isFailed: true, isCancelled: true });
    expect(statusFlags("FROZEN")).toMatchObject({ isExecuting: true, isWaiting: false });
  });

  it("is found by the name that it is shown under, in either dialect", () => {
    for (const [index, name] of [...NEW_NAMES, ...OLD_NAMES].entries()) {
      expect([index, statusFilters([name])?.length]).toEqual([index, 1]);
    }
    expect(statusFilters(["CRASHED", "PENDING_VERSION"])).toEqual([]);
    expect(statusFilters(["FAILED", "NONSENSE"])).toBeUndefined();
  });
});

describe("everything else that is shown", () => {
  it("is what the client reads, with all its parts and with none", () => {
    expect(() => RetrieveRunResponse.parse(onWire(toRun(FULL, CONTEXT, NEW)))).not.toThrow();
    const bare = { ...SCHEDULE, binding: null, nextRunAtMs: null };
    for (const view of [SCHEDULE, bare]) expect(ScheduleObject.parse(onWire(toSchedule(view))).task).toBe(JOB.name);
    const open = { ...TOKEN, completedAtMs: null, timeoutAtMs: null, idempotencyKey: null, idempotencyUntilMs: null };
    for (const token of [TOKEN, open]) {
      const shown = onWire(toToken(SERVICES, token));
      expect(WaitpointTokenItem.parse(shown).id).toBe(token.id);
      expect(WaitpointRetrieveTokenResponse.parse(shown).id).toBe(token.id);
      expect(nullDates(shown)).toEqual([]);
    }
    const load = { running: 0, queued: 0, delayed: 0, waiting: 0, total: 0 };
    const overridden = { ...JOB, concurrencyOverride: { limit: 7, atMs: NOW_MS } };
    for (const job of [JOB, overridden]) expect(QueueItem.parse(onWire(toQueue({ job, ...load }))).name).toBe(JOB.name);
    const batch = {
      id: "batch_1",
      createdAtMs: NOW_MS,
      updatedAtMs: NOW_MS,
      runCount: 1,
      idempotencyKey: null,
      runs: [],
    };
    const errors = [{ index: 0, task: "nobody", code: "not_found", message: "There is no such job." }];
    const shownBatch = onWire(toBatch({ ...batch, status: "PENDING", errors }));
    expect(RetrieveBatchV2Response.parse(shownBatch).processing.errors).toHaveLength(1);
    const action = { id: "bulk_1", workspaceId: "w", action: "replay", name: null, completedAtMs: null } as const;
    const rest = { target: { type: "executions", ids: [] }, counts: { total: 1, success: 0, failure: 0 } } as const;
    const shownAction = onWire(toBulkAction({ ...action, ...rest, status: "PENDING", createdAtMs: NOW_MS }));
    expect(BulkActionObject.parse(shownAction).type).toBe("REPLAY");
  });

  it("gives results that the client can hand on", () => {
    for (const state of STATES.slice(5)) {
      const result = TaskRunExecutionResult.parse(onWire(toRunResult(anExecution(JOB, state))));
      expect(result.ok).toBe(state.status === "succeeded");
    }
  });

  it("gives an event for each request, those of steps among them, in their order", () => {
    const step = aStepRecord({ path: "a", attempts: [anAttempt({ number: 2, startedAtMs: NOW_MS })] });
    const execution = anExecution(JOB, { attempts: [], workflow: aWorkflow({ steps: [step] }) });
    expect(toRunEvents(execution)).toMatchObject([{ spanId: "a/2", attemptNumber: 2, isError: false }]);
  });
});
