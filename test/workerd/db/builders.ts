/** Jobs, executions, tokens and secrets for tests: ids are unique, everything else is a default that a test overrides. */

import type { Batch } from "../../../src/domain/batch/batch.ts";
import type { BulkAction } from "../../../src/domain/bulkAction/bulkAction.ts";
import type { Attempt } from "../../../src/domain/execution/attempt.ts";
import type { Execution } from "../../../src/domain/execution/execution.ts";
import type { StepRecord, WorkflowRecord } from "../../../src/domain/execution/stepRecord.ts";
import { newId, requestedExecutionId, scheduledExecutionId } from "../../../src/domain/ids.ts";
import { type Job, PLAIN_JOB, QUEUE_DEFAULTS } from "../../../src/domain/job/job.ts";
import { REQUEST_DEFAULTS } from "../../../src/domain/job/request.ts";
import { RETRY_DEFAULTS } from "../../../src/domain/retry/policy.ts";
import type { Secret } from "../../../src/domain/secret/secret.ts";
import type { SigningKey } from "../../../src/domain/signing/signingKey.ts";
import type { WaitToken } from "../../../src/domain/waitToken/waitToken.ts";
import type { Token } from "../../../src/domain/workspace/workspace.ts";

/** 2026-01-01T00:00:00Z. */
export const START_MS = 1_767_225_600_000;

export function aWorkspaceId(): string {
  return newId("wks", START_MS, Math.random);
}

export function aJob(changes: Partial<Job> = {}): Job {
  const createdAtMs = changes.createdAtMs ?? START_MS;
  return {
    id: newId("job", createdAtMs, Math.random),
    workspaceId: "wks_00000000000000000000000000",
    name: "Nightly report",
    state: "active",
    schedule: { kind: "recurring", everyMinutes: 5 },
    request: { ...REQUEST_DEFAULTS, url: "https://example.com/hook" },
    retryPolicy: RETRY_DEFAULTS,
    ...PLAIN_JOB,
    ...QUEUE_DEFAULTS,
    concurrencyLimit: 1,
    overlapPolicy: "queue",
    misfirePolicy: "fire_once",
    createdAtMs,
    updatedAtMs: createdAtMs,
    version: 1,
    scheduleFromMs: createdAtMs,
    ...changes,
  };
}

/** A finished, succeeded one unless told otherwise; its id follows from its job, due time and source. */
export function anExecution(job: Job, changes: Partial<Execution> = {}): Execution {
  const scheduledForMs = changes.scheduledForMs ?? START_MS;
  const source = changes.source ?? "schedule";
  return {
    id:
      source === "schedule"
        ? scheduledExecutionId(job.id, scheduledForMs)
        : requestedExecutionId(job.id, scheduledForMs, Math.random),
    jobId: job.id,
    workspaceId: job.workspaceId,
    jobName: job.name,
    jobVersion: job.version,
    status: "succeeded",
    source,
    scheduledForMs,
    createdAtMs: scheduledForMs + 3,
    startedAtMs: scheduledForMs + 10,
    finishedAtMs: scheduledForMs + 50,
    replayedFrom: null,
    attempts: [anAttempt()],
    output: null,
    parent: null,
    workflow: null,
    start: null,
    error: null,
    rev: 5,
    ...changes,
  };
}

export function anAttempt(changes: Partial<Attempt> = {}): Attempt {
  return {
    number: 1,
    status: "SUCCESS",
    statusCode: 200,
    startedAtMs: START_MS + 10,
    latencyMs: 40,
    bodyPreview: '{"ok":true}',
    responseHeaders: { "content-type": "application/json" },
    errorClass: null,
    errorMessage: null,
    failedRules: [],
    late: false,
    ...changes,
  };
}

/** Of an execution that has begun and done nothing. */
export function aWorkflow(changes: Partial<WorkflowRecord> = {}): WorkflowRecord {
  return {
    input: {},
    triggerInput: null,
    context: {},
    steps: [],
    waiting: null,
    finalOutput: null,
    children: [],
    restartedFrom: null,
    ...changes,
  };
}

/** A `transform` that succeeded, unless told otherwise. */
export function aStepRecord(changes: Partial<StepRecord> = {}): StepRecord {
  const path = changes.path ?? "shape";
  return {
    path,
    id: path.slice(path.lastIndexOf(".") + 1),
    type: "transform",
    name: null,
    status: "succeeded",
    startedAtMs: START_MS + 10,
    finishedAtMs: START_MS + 50,
    input: null,
    output: { total: 3 },
    error: null,
    attempts: [],
    iteration: null,
    branch: null,
    waitUntilMs: null,
    child: null,
    ...changes,
  };
}

export function aToken(workspaceId: string, changes: Partial<Token> = {}): Token {
  const id = newId("tok", START_MS, Math.random);
  return {
    id,
    workspaceId,
    name: "ci",
    role: "owner",
    hash: `hash of ${id}`,
    prefix: "crl_abcd",
    createdAtMs: START_MS,
    ...changes,
  };
}

/** What storage keeps of a value: it neither opens nor looks into it. */
export const SEALED = { envelope: "an envelope", masterKeyId: "key-a" };

export function aSecret(workspaceId: string, changes: Partial<Secret> = {}): Secret {
  return {
    id: newId("sec", START_MS, Math.random),
    workspaceId,
    name: "stripe-key",
    environment: "workspace",
    revision: 1,
    createdAtMs: START_MS,
    updatedAtMs: START_MS,
    ...changes,
  };
}

export function aSigningKey(workspaceId: string, changes: Partial<SigningKey> = {}): SigningKey {
  const createdAtMs = changes.createdAtMs ?? START_MS;
  return { id: newId("key", createdAtMs, Math.random), workspaceId, createdAtMs, expiresAtMs: null, ...changes };
}

/** One that is announced and empty, unless told otherwise. */
export function aBatch(workspaceId: string, changes: Partial<Batch> = {}): Batch {
  const createdAtMs = changes.createdAtMs ?? START_MS;
  return {
    id: newId("batch", createdAtMs, Math.random),
    workspaceId,
    runCount: 1_000,
    idempotencyKey: null,
    createdAtMs,
    updatedAtMs: createdAtMs,
    items: [],
    rev: 1,
    ...changes,
  };
}

/** A pending one that cancels what failed, which is nothing. */
export function aBulkAction(workspaceId: string, changes: Partial<BulkAction> = {}): BulkAction {
  const createdAtMs = changes.createdAtMs ?? START_MS;
  return {
    id: newId("bulk", createdAtMs, Math.random),
    workspaceId,
    action: "cancel",
    name: null,
    status: "PENDING",
    target: { type: "filter", filter: { statuses: ["failed"] } },
    counts: { total: 0, success: 0, failure: 0 },
    createdAtMs,
    completedAtMs: null,
    ...changes,
  };
}

export function aWaitToken(workspaceId: string, changes: Partial<WaitToken> = {}): WaitToken {
  const createdAtMs = changes.createdAtMs ?? START_MS;
  return {
    id: newId("waitpoint", createdAtMs, Math.random),
    workspaceId,
    createdAtMs,
    timeoutAtMs: null,
    completedAtMs: null,
    idempotencyKey: null,
    idempotencyUntilMs: null,
    tags: [],
    output: null,
    ...changes,
  };
}
