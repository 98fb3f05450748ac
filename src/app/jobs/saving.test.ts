import { describe, expect, it } from "vitest";
import type { JobActorProtocol } from "../../domain/engine/protocol.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import { createJob as newJob } from "../../domain/job/edit.ts";
import type { Job } from "../../domain/job/job.ts";
import { cancelExecution } from "../executions/cancelExecution.ts";
import { getExecution } from "../executions/getExecution.ts";
import { startExecution, startMany } from "../executions/startExecution.ts";
import type { ExecutionRepository, JobRepository } from "../ports.ts";
import type { ScheduleBindingRepository } from "../ports/scheduleBindings.ts";
import type { Services } from "../services.ts";
import { patchJob } from "./changeJob.ts";
import { createJob } from "./createJob.ts";
import { deleteJob } from "./deleteJob.ts";

const NOW = Date.UTC(2030, 0, 1);
const WORKSPACE = "wks_1";
const JOB_ID = `job_${"0".repeat(26)}`;
const EXECUTION_ID = `exe_${"0".repeat(32)}`;
const INPUT = {
  changes: { name: "x", kind: "recurring", schedule: { everyMinutes: 5 }, request: { url: "https://a.example.com/" } },
  complaints: [],
} as const;
const MANUAL = { source: "manual" } as const;
const targetPolicy = { allowPrivate: false, ownHosts: [] };

function unexpected(name: string): never {
  throw new Error(`${name} was not expected.`);
}

function jobOf(version = 1): Job {
  const job = newJob(WORKSPACE, INPUT.changes, { nowMs: NOW, random: () => 0, targetPolicy });
  if (!job.ok) throw new Error("The job of the test is not valid.");
  return { ...job.value, id: JOB_ID, version };
}

function executionOf(status: Execution["status"], rev = 2): Execution {
  return {
    id: EXECUTION_ID,
    jobId: JOB_ID,
    workspaceId: WORKSPACE,
    jobName: "x",
    jobVersion: 1,
    status,
    source: "manual",
    scheduledForMs: NOW,
    createdAtMs: NOW,
    startedAtMs: null,
    finishedAtMs: null,
    replayedFrom: null,
    attempts: [],
    output: null,
    parent: null,
    workflow: null,
    start: null,
    error: null,
    rev,
  };
}

/** Services of which a test gives what it needs; anything else that is called fails the test. */
function fake(parts: {
  jobs?: Partial<JobRepository>;
  executions?: Partial<ExecutionRepository>;
  actor?: Partial<JobActorProtocol>;
}) {
  const pending: Promise<unknown>[] = [];
  const reported: unknown[] = [];
  const stubs: string[] = [];
  const strict = <T extends object>(name: string, members: Partial<T> = {}): T =>
    new Proxy(members as T, {
      get: (target, key) => Reflect.get(target, key) ?? (() => unexpected(`${name}.${String(key)}`)),
    });
  const services: Services = {
    jobs: strict<JobRepository>("jobs", { markApplied: async () => undefined, ...parts.jobs }),
    executions: strict<ExecutionRepository>("executions", parts.executions),
    jobVersions: strict("jobVersions"),
    workspaces: strict("workspaces"),
    tokens: strict("tokens"),
    secrets: strict("secrets"),
    signingKeys: strict("signingKeys"),
    triggers: strict("triggers"),
    triggerSeals: strict("triggerSeals"),
    labels: strict("labels"),
    batches: strict("batches"),
    waitTokens: strict("waitTokens"),
    scheduleBindings: strict<ScheduleBindingRepository>("scheduleBindings", { listOfTask: async () => [] }),
    bulkActions: strict("bulkActions"),
    bulkQueue: strict("bulkQueue"),
    triggerLimits: strict("triggerLimits"),
    openVault: () => unexpected("openVault"),
    forgetSigningKeys: () => unexpected("forgetSigningKeys"),
    outbound: strict("outbound"),
    publicUrl: "https://carillon.example.com",
    actors: {
      of: (id) => {
        stubs.push(id);
        return strict<JobActorProtocol>("actor", parts.actor);
      },
    },
    ownAttempt: { hasRoom: () => false, begin: () => unexpected("begin") },
    clock: { now: () => NOW },
    random: () => 0.5,
    digest: async (text) => `digest of ${text}`,
    later: (work) => pending.push(work),
    report: (fault) => reported.push(fault),
    targetPolicy,
    adminToken: null,
  };
  return { services, reported, stubs, settle: () => Promise.all(pending) };
}

/** Fails the first `times` calls with a fault of the platform. */
function failing<T>(times: number, answer: T, flags: object = { retryable: true }): () => Promise<T> {
  let left = times;
  return async () => {
    if (left-- > 0) throw Object.assign(new Error("Network connection lost."), flags);
    return answer;
  };
}

describe("createJob", () => {
  it("asks the actor three times, with a fresh stub each", async () => {
    const applied: string[] = [];
    const { services, stubs, settle } = fake({
      jobs: {
        insert: async () => "inserted",
        markApplied: async (id, version) => void applied.push(`${id} ${version}`),
        find: async () => jobOf(),
      },
      actor: { apply: failing(2, undefined) },
    });
    const created = await createJob(services, WORKSPACE, INPUT, null);
    await settle();
    expect(created).toMatchObject({ ok: true, value: { created: true } });
    expect(stubs).toHaveLength(3);
    expect(applied).toEqual([`${stubs[0]} 1`]);
  });

  it("says that the job is saved when the actor stays away, and leaves it to the watchdog", async () => {
    const { services, reported } = fake({
      jobs: { insert: async () => "inserted", markApplied: async () => unexpected("markApplied") },
      actor: { apply: failing(3, undefined) },
    });
    const created = await createJob(services, WORKSPACE, INPUT, null);
    expect(created).toMatchObject({ ok: false, error: { code: "actor_unavailable", retryAfterSeconds: 5 } });
    expect(!created.ok && "message" in created.error && created.error.message).toContain("within five minutes");
    expect(reported).toHaveLength(1);
  });

  it("leaves an overloaded actor in peace", async () => {
    const { services, stubs } = fake({
      jobs: { insert: async () => "inserted" },
      actor: { apply: failing(1, undefined, { overloaded: true }) },
    });
    expect((await createJob(services, WORKSPACE, INPUT, null)).ok).toBe(false);
    expect(stubs).toHaveLength(1);
  });

  it("erases again what was deleted while it was being applied", async () => {
    const erased: string[] = [];
    const { services, settle } = fake({
      jobs: { insert: async () => "inserted", find: async () => null },
      actor: { apply: async () => undefined, erase: async () => void erased.push("erased") },
    });
    await createJob(services, WORKSPACE, INPUT, null);
    await settle();
    expect(erased).toEqual(["erased"]);
  });

  it("answers with the winner's job when another request with the key was faster", async () => {
    const found = [null, { job: jobOf(), bodyDigest: "d" }];
    const { services } = fake({
      jobs: { insert: async () => "idempotency_key_taken", findByIdempotencyKey: async () => found.shift() ?? null },
    });
    const created = await createJob(services, WORKSPACE, INPUT, { key: "k", bodyDigest: "d" });
    expect(created).toMatchObject({ ok: true, value: { created: false, job: { id: JOB_ID } } });
  });
});

describe("patchJob", () => {
  it("repeats the edit on top of one that was faster", async () => {
    const versions = [1, 2];
    const written: number[] = [];
    const { services } = fake({
      jobs: {
        find: async () => jobOf(versions.shift() ?? 3),
        replace: async (job) => written.push(job.version) === 2,
      },
      actor: { apply: async () => undefined },
    });
    const patched = await patchJob(services, WORKSPACE, JOB_ID, { changes: { name: "y" }, complaints: [] });
    expect(patched).toMatchObject({ ok: true, value: { name: "y", version: 3 } });
    expect(written).toEqual([2, 3]);
  });

  it("gives up after the fifth lost race", async () => {
    const { services } = fake({ jobs: { find: async () => jobOf(), replace: async () => false } });
    const patched = await patchJob(services, WORKSPACE, JOB_ID, { changes: { name: "y" }, complaints: [] });
    expect(patched).toMatchObject({ ok: false, error: { code: "edit_conflict" } });
  });
});

describe("deleteJob", () => {
  it("leaves the job to the watchdog when its actor cannot be told", async () => {
    const { services } = fake({
      jobs: { markDeleted: async () => true, purge: async () => unexpected("purge") },
      actor: { erase: failing(3, undefined) },
    });
    const deleted = await deleteJob(services, WORKSPACE, JOB_ID);
    expect(deleted).toMatchObject({ ok: false, error: { code: "actor_unavailable" } });
  });
});

describe("startExecution", () => {
  it("does not read the database when the actor knows the job", async () => {
    const execution = executionOf("queued");
    const { services } = fake({ actor: { trigger: async () => ({ type: "started", execution }) } });
    expect(await startExecution(services, WORKSPACE, JOB_ID, MANUAL)).toEqual({
      ok: true,
      value: { execution, isDuplicate: false },
    });
  });

  it("applies a job that never arrived, and triggers once more", async () => {
    const calls: string[] = [];
    const { services } = fake({
      jobs: { find: async () => jobOf() },
      actor: {
        apply: async () => void calls.push("apply"),
        trigger: async () => {
          calls.push("trigger");
          return calls.length === 1 ? { type: "unknown_job" } : { type: "started", execution: executionOf("queued") };
        },
      },
    });
    expect((await startExecution(services, WORKSPACE, JOB_ID, MANUAL)).ok).toBe(true);
    expect(calls).toEqual(["trigger", "apply", "trigger"]);
  });

  it("says how to go on when the backlog is full", async () => {
    const { services } = fake({ actor: { trigger: async () => ({ type: "backlog_full" }) } });
    expect(await startExecution(services, WORKSPACE, JOB_ID, MANUAL)).toMatchObject({
      ok: false,
      error: { code: "backlog_full", retryAfterSeconds: 10 },
    });
  });

  it("does not repeat a call that may have started an execution", async () => {
    const { services, stubs } = fake({ actor: { trigger: failing(1, { type: "backlog_full" as const }) } });
    expect(await startExecution(services, WORKSPACE, JOB_ID, MANUAL)).toMatchObject({
      ok: false,
      error: { code: "actor_unavailable" },
    });
    expect(stubs).toHaveLength(1);
  });

  it("touches no actor for an id that is none", async () => {
    const { services, stubs } = fake({});
    expect(await startExecution(services, WORKSPACE, "job_nope", MANUAL)).toMatchObject({
      ok: false,
      error: { code: "not_found" },
    });
    expect(stubs).toEqual([]);
  });

  it("leaves the judgement of an input to the actor, and reads no definition for it", async () => {
    const requests: unknown[] = [];
    const issues = [{ path: "input.id", message: "is required" }];
    const { services } = fake({
      actor: {
        trigger: async (request) => {
          requests.push(request);
          return { type: "invalid_input", issues };
        },
      },
    });
    expect(await startExecution(services, WORKSPACE, JOB_ID, { ...MANUAL, input: {} })).toMatchObject({
      error: { code: "invalid_request", issues },
    });
    expect(requests).toEqual([expect.objectContaining({ source: "manual", input: {} })]);
  });

  it("hands over a digest of an idempotency key, and what the caller calls it", async () => {
    const requests: unknown[] = [];
    const { services } = fake({
      actor: {
        trigger: async (request) => {
          requests.push(request);
          return { type: "duplicate", executionId: EXECUTION_ID, execution: executionOf("running") };
        },
      },
    });
    const idempotency = { key: "k", shown: "order 7", windowMs: 5 };
    const started = await startExecution(services, WORKSPACE, JOB_ID, { ...MANUAL, idempotency });
    expect(started).toEqual({ ok: true, value: { execution: executionOf("running"), isDuplicate: true } });
    const dedupe = { key: "digest of k", windowMs: 5, kind: "idempotency" };
    expect(requests).toMatchObject([{ dedupe, idempotencyKey: "order 7" }]);
  });

  it("reads a duplicate that has ended from the history, and says so when it is too old for that", async () => {
    const ended = { type: "duplicate", executionId: EXECUTION_ID, execution: null } as const;
    const found = fake({
      executions: { find: async () => executionOf("succeeded") },
      actor: { trigger: async () => ended },
    });
    expect(await startExecution(found.services, WORKSPACE, JOB_ID, MANUAL)).toEqual({
      ok: true,
      value: { execution: executionOf("succeeded"), isDuplicate: true },
    });
    const gone = fake({
      executions: { find: async () => null },
      actor: { trigger: async () => ended, describe: async () => null },
    });
    expect(await startExecution(gone.services, WORKSPACE, JOB_ID, MANUAL)).toMatchObject({
      error: { code: "already_finished", details: { execution_id: EXECUTION_ID } },
    });
  });

  it("starts many in one call, and answers each by itself", async () => {
    const { services, stubs } = fake({
      actor: {
        triggerMany: async (requests) =>
          requests.map((_, index) =>
            index === 1 ? { type: "backlog_full" } : { type: "started", execution: executionOf("queued") },
          ),
      },
    });
    const started = await startMany(services, WORKSPACE, JOB_ID, [MANUAL, MANUAL, MANUAL]);
    expect(started.ok && started.value.map(({ ok: isOk }) => isOk)).toEqual([true, false, true]);
    expect(stubs).toHaveLength(1);
  });
});

describe("getExecution", () => {
  it("does not ask the actor about what is finished in the history", async () => {
    const { services, stubs } = fake({ executions: { find: async () => executionOf("succeeded") } });
    expect((await getExecution(services, WORKSPACE, EXECUTION_ID)).ok).toBe(true);
    expect(stubs).toEqual([]);
  });

  it("prefers the actor's picture of what is live", async () => {
    const { services } = fake({
      executions: { find: async () => executionOf("queued", 2) },
      actor: { describe: async () => executionOf("running", 4) },
    });
    expect(await getExecution(services, WORKSPACE, EXECUTION_ID)).toMatchObject({ value: { status: "running" } });
  });

  it("looks into the history again when the execution ended in between", async () => {
    const pictures = [null, executionOf("succeeded")];
    const { services } = fake({
      executions: { find: async () => pictures.shift() ?? null },
      actor: { describe: async () => null },
    });
    expect(await getExecution(services, WORKSPACE, EXECUTION_ID)).toMatchObject({ value: { status: "succeeded" } });
  });

  it("shows what the history has while the actor is away", async () => {
    const { services } = fake({
      executions: { find: async () => executionOf("running") },
      actor: { describe: failing(3, null) },
    });
    expect(await getExecution(services, WORKSPACE, EXECUTION_ID)).toMatchObject({ value: { status: "running" } });
  });

  it("does not say that something is missing while it cannot know", async () => {
    const { services } = fake({ executions: { find: async () => null }, actor: { describe: failing(3, null) } });
    expect(await getExecution(services, WORKSPACE, EXECUTION_ID)).toMatchObject({
      error: { code: "actor_unavailable" },
    });
  });
});

describe("cancelExecution", () => {
  it("tells what has ended from what never was", async () => {
    const ended = fake({
      executions: { find: async () => executionOf("failed") },
      actor: { cancel: async () => null },
    });
    expect(await cancelExecution(ended.services, WORKSPACE, EXECUTION_ID)).toMatchObject({
      error: { code: "already_finished", details: { status: "failed" } },
    });
    const missing = fake({
      executions: { find: async () => null },
      actor: { cancel: async () => null, describe: async () => null },
    });
    expect(await cancelExecution(missing.services, WORKSPACE, EXECUTION_ID)).toMatchObject({
      error: { code: "not_found" },
    });
  });
});
