import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { HistoryEntry } from "../../../src/domain/engine/protocol.ts";
import type { Execution } from "../../../src/domain/execution/execution.ts";
import { aJob, anAttempt, anExecution, aStepRecord, aWorkflow, aWorkspaceId, START_MS } from "./builders.ts";
import { deps, failingD1, recordingD1, storageOn } from "./storage.ts";

const storage = storageOn(env.DB);

async function aStoredJob(changes: Parameters<typeof aJob>[0] = {}) {
  const job = aJob({ workspaceId: aWorkspaceId(), ...changes });
  await storage.jobs.insert(job, null);
  return job;
}

function entry(execution: Execution, completesJob = false): HistoryEntry {
  return { execution, completesJob };
}

async function rowsWrittenBy(entries: readonly HistoryEntry[]): Promise<number> {
  const recording = recordingD1();
  expect(await storageOn(recording.db).history.record(entries)).toBe(true);
  return recording.rowsWritten();
}

describe("rows written", () => {
  it("is three for an execution that succeeded", async () => {
    expect(await rowsWrittenBy([entry(anExecution(await aStoredJob()))])).toBe(3);
  });

  it.each(["queued", "running", "waiting", "failed", "cancelled"] as const)(
    "is four for one that is %s",
    async (status) => {
      expect(await rowsWrittenBy([entry(anExecution(await aStoredJob(), { status }))])).toBe(4);
    },
  );

  it("is three more when a listed execution ends", async () => {
    const job = await aStoredJob();
    const running = anExecution(job, { status: "running", finishedAtMs: null, rev: 4 });
    await storage.history.record([entry(running)]);
    expect(await rowsWrittenBy([entry(anExecution(job, { id: running.id, rev: 6 }))])).toBe(3);
  });

  it("is none for what the history has already", async () => {
    const execution = anExecution(await aStoredJob());
    await storage.history.record([entry(execution)]);
    expect(await rowsWrittenBy([entry(execution)])).toBe(0);
  });

  it("is three for an execution with steps that succeeded, too", async () => {
    const execution = anExecution(await aStoredJob(), { workflow: aWorkflow({ steps: [aStepRecord()] }) });
    expect(await rowsWrittenBy([entry(execution)])).toBe(3);
  });

  it("is one more each time while it waits for a person, and none once that is over", async () => {
    const job = await aStoredJob();
    const ask = aStepRecord({ type: "approval", status: "waiting" });
    const asking = anExecution(job, { status: "waiting", workflow: aWorkflow({ steps: [ask] }), rev: 4 });
    expect(await rowsWrittenBy([entry(asking)])).toBe(5);
    const still = { ...asking, workflow: aWorkflow({ steps: [ask, aStepRecord()] }), rev: 6 };
    expect(await rowsWrittenBy([entry(still)])).toBe(5);
    const ended = anExecution(job, { id: asking.id, workflow: aWorkflow(), rev: 8 });
    expect(await rowsWrittenBy([entry(ended)])).toBe(3);
  });

  it("is one more when the execution completes its job", async () => {
    const job = await aStoredJob({ schedule: { kind: "one_time" } });
    await storage.jobs.markApplied(job.id, 1);
    expect(await rowsWrittenBy([entry(anExecution(job), true)])).toBe(4);
  });
});

describe("record", () => {
  it("stores every field", async () => {
    const job = await aStoredJob();
    const execution = anExecution(job, {
      status: "failed",
      source: "replay",
      replayedFrom: "exe_before",
      attempts: [anAttempt(), anAttempt({ number: 2, status: "TIMEOUT", statusCode: null, errorClass: "timeout" })],
      output: { a: [1, null, "é"] },
      error: { code: "timeout", message: "No answer within 30 s." },
    });
    expect(await storage.history.record([entry(execution)])).toBe(true);
    expect(await storage.executions.find(job.workspaceId, execution.id)).toEqual(execution);
  });

  it("stores steps and a parent, and newer steps in their place", async () => {
    const job = await aStoredJob();
    const first = anExecution(job, {
      status: "running",
      source: "job",
      parent: { executionId: "exe_p", step: "start", depth: 1, waits: true },
      workflow: aWorkflow({ input: { a: 1 }, steps: [aStepRecord({ status: "running" })] }),
      rev: 4,
    });
    await storage.history.record([entry(first)]);
    expect(await storage.executions.find(job.workspaceId, first.id)).toEqual(first);
    const second = { ...first, workflow: aWorkflow({ steps: [aStepRecord()], finalOutput: 3 }), rev: 6 };
    await storage.history.record([entry(second)]);
    expect(await storage.executions.find(job.workspaceId, first.id)).toEqual(second);
  });

  it("keeps the newest of pictures that arrive out of order, twice, and in one batch", async () => {
    const job = await aStoredJob();
    const ended = anExecution(job, { rev: 8 });
    const running: Execution = { ...ended, status: "running", finishedAtMs: null, attempts: [], rev: 4 };
    await storage.history.record([entry(ended), entry(running)]);
    await storage.history.record([entry(running)]);
    await storage.history.record([entry(ended), entry(ended)]);
    expect(await storage.executions.find(job.workspaceId, ended.id)).toEqual(ended);
  });

  it("replaces every changing field with the newer picture", async () => {
    const job = await aStoredJob();
    const before = anExecution(job, { status: "queued", startedAtMs: null, finishedAtMs: null, attempts: [], rev: 2 });
    const after = anExecution(job, {
      jobVersion: 3,
      status: "failed",
      attempts: [anAttempt({ statusCode: 500 })],
      output: { a: 1 },
      error: { code: "http_status", message: "Answered 500." },
      jobName: "Renamed",
      rev: 6,
    });
    await storage.history.record([entry(before)]);
    await storage.history.record([entry(after)]);
    expect(await storage.executions.find(job.workspaceId, after.id)).toEqual(after);
  });

  it("takes nothing for a job that is deleted, unknown, or of another workspace, and owes nothing either", async () => {
    const job = await aStoredJob();
    const inFlight = anExecution(job);
    await storage.jobs.markDeleted(job.workspaceId, job.id, START_MS);
    const stray = anExecution(aJob());
    const other = await aStoredJob();
    const forged = anExecution({ ...other, workspaceId: job.workspaceId });
    expect(await storage.history.record([entry(inFlight), entry(stray), entry(forged)])).toBe(true);
    const { results } = await env.DB.prepare("SELECT id FROM executions WHERE id IN (?, ?, ?)")
      .bind(inFlight.id, stray.id, forged.id)
      .all();
    expect(results).toEqual([]);
  });

  it("takes more entries than fit one batch", async () => {
    const job = await aStoredJob();
    const entries = Array.from({ length: 120 }, (_, i) =>
      entry(anExecution(job, { scheduledForMs: START_MS + i * 60_000 })),
    );
    expect(await rowsWrittenBy(entries)).toBe(360);
  });

  it("stores an execution whose attempts are larger than a row may be", async () => {
    const job = await aStoredJob();
    const attempts = Array.from({ length: 10 }, (_, i) =>
      anAttempt({ number: i + 1, bodyPreview: "\u0001".repeat(65_536) }),
    );
    const execution = anExecution(job, { attempts });
    expect(await storage.history.record([entry(execution)])).toBe(true);
    const stored = await storage.executions.find(job.workspaceId, execution.id);
    expect(stored?.attempts).toHaveLength(10);
    expect(stored?.attempts.at(-1)?.bodyPreview).toHaveLength(65_536);
  });

  it("stores a small execution beside one that is too large to share a statement", async () => {
    const job = await aStoredJob();
    const attempts = Array.from({ length: 10 }, (_, i) =>
      anAttempt({ number: i + 1, bodyPreview: "x".repeat(65_536) }),
    );
    const large = anExecution(job, { attempts });
    const small = anExecution(job, { scheduledForMs: START_MS + 60_000 });
    expect(await rowsWrittenBy([entry(small), entry(large), entry(small)])).toBe(6);
    expect((await storage.executions.find(job.workspaceId, large.id))?.attempts).toEqual(attempts);
    expect((await storage.executions.find(job.workspaceId, small.id))?.attempts).toEqual(small.attempts);
  });

  it("stores what a target sent, whatever characters it is made of", async () => {
    const job = await aStoredJob();
    const deep = `${"[".repeat(3_000)}${"]".repeat(3_000)}`;
    const odd = ["a\u0000b", "\ud800", "\u{1f600}", '\\"', "\u0001\u2028", deep];
    const execution = anExecution(job, {
      status: "failed",
      error: { code: "http_status", message: 'one\u0000two \ud800 \u{1f600} \\ "' },
      output: Object.fromEntries(odd.map((text, i) => [`key ${i}`, text])),
      attempts: odd.map((bodyPreview, i) => anAttempt({ number: i + 1, bodyPreview })),
    });
    expect(await storage.history.record([entry(execution), entry(anExecution(job))])).toBe(true);
    const stored = await storage.executions.find(job.workspaceId, execution.id);
    expect(stored?.attempts).toEqual(execution.attempts);
    expect(stored?.output).toEqual(execution.output);
    // SQLite ends a text from JSON at a NUL, and half of a pair is no character.
    expect(stored?.error?.message).toBe('one\ufffdtwo \ufffd \u{1f600} \\ "');
  });

  it("has nothing to do for no entries", async () => {
    expect(await storage.history.record([])).toBe(true);
  });
});

describe("the end of a one-shot job", () => {
  const oneShot = { schedule: { kind: "one_time" } } as const;

  async function stateOf(job: { workspaceId: string; id: string }) {
    return storage.jobs.find(job.workspaceId, job.id);
  }

  it("completes the job without a new version", async () => {
    const job = await aStoredJob(oneShot);
    await storage.jobs.markApplied(job.id, 1);
    const execution = anExecution(job);
    await storage.history.record([entry(execution, true)]);
    expect(await stateOf(job)).toEqual({ ...job, state: "completed", updatedAtMs: execution.finishedAtMs });
    const unapplied = await storage.jobs.listUnapplied(START_MS + 1e9, 1_000);
    expect(unapplied.map(({ id }) => id)).not.toContain(job.id);
  });

  it("completes nothing before it is an end", async () => {
    const job = await aStoredJob(oneShot);
    await storage.history.record([entry(anExecution(job, { status: "running", finishedAtMs: null }), true)]);
    expect((await stateOf(job))?.state).toBe("active");
  });

  it("completes a job that was paused meanwhile, so that resuming does not fire it again", async () => {
    const job = await aStoredJob({ ...oneShot, state: "paused" });
    await storage.history.record([entry(anExecution(job), true)]);
    expect((await stateOf(job))?.state).toBe("completed");
  });

  it("completes a job that was edited meanwhile, but not rescheduled", async () => {
    const job = await aStoredJob(oneShot);
    await storage.jobs.replace({ ...job, name: "Renamed", version: 2 }, 1);
    await storage.history.record([entry(anExecution(job), true)]);
    expect(await stateOf(job)).toMatchObject({ state: "completed", name: "Renamed" });
  });

  it("does not complete a job that was activated again meanwhile", async () => {
    const job = await aStoredJob(oneShot);
    await storage.jobs.replace({ ...job, version: 2, scheduleFromMs: START_MS + 30_000 }, 1);
    await storage.history.record([entry(anExecution(job, { jobVersion: 2 }), true)]);
    expect((await stateOf(job))?.state).toBe("active");
  });
});

describe("a D1 that fails", () => {
  it("is tried three times, reported once, and answered with false", async () => {
    const job = await aStoredJob();
    const d1 = failingD1("Network connection lost.");
    const { history, reported } = storageOn(d1.db);
    expect(await history.record([entry(anExecution(job))])).toBe(false);
    expect(d1.calls()).toBe(3);
    expect(reported.map((error) => error.fault)).toEqual(["transient"]);
  });

  it("is forgiven when it recovers in between", async () => {
    const job = await aStoredJob();
    const execution = anExecution(job);
    const { history, reported } = storageOn(failingD1("Network connection lost.", 2).db);
    expect(await history.record([entry(execution)])).toBe(true);
    expect(reported).toEqual([]);
    expect(await storage.executions.find(job.workspaceId, execution.id)).toEqual(execution);
  });

  it.each([
    ["D1 DB is overloaded. Requests queued for too long.", "overload"],
    ["D1 DB storage operation exceeded timeout which caused object to be reset.", "query_fault"],
    ["Exceeded maximum DB size.", "full"],
    ["who knows", "unknown"],
  ])("is not tried again when it says %j", async (text, fault) => {
    const d1 = failingD1(text);
    const { history, reported } = storageOn(d1.db);
    expect(await history.record([entry(anExecution(aJob()))])).toBe(false);
    expect(d1.calls()).toBe(1);
    expect(reported.map((error) => error.fault)).toEqual([fault]);
  });

  it("waits between tries: full jitter over 50 ms, then over 100 ms", async () => {
    const waits: number[] = [];
    const sleep = (delayMs: number) => {
      waits.push(delayMs);
      return deps.sleep(delayMs);
    };
    const { history } = storageOn(failingD1("Network connection lost.").db, { sleep });
    await history.record([entry(anExecution(aJob()))]);
    expect(waits.toSorted((a, b) => a - b)).toEqual([25, 50, 5_000]);
  });

  it("is given up on at the deadline when it never answers", async () => {
    const silent = { prepare: () => ({ bind: () => ({}) }), batch: () => new Promise(() => {}) };
    const { history, reported } = storageOn(silent as unknown as D1Database, { sleep: () => Promise.resolve() });
    expect(await history.record([entry(anExecution(aJob()))])).toBe(false);
    expect(reported.map((error) => error.marker)).toEqual(["our deadline passed"]);
  });

  it("lets go of the deadline's timer when the answer is there", async () => {
    let signal: AbortSignal | undefined;
    const sleep = (_: number, given?: AbortSignal) => {
      signal = given;
      return new Promise<void>(() => {});
    };
    const { history } = storageOn(env.DB, { sleep });
    await history.record([entry(anExecution(await aStoredJob()))]);
    expect(signal?.aborted).toBe(true);
  });

  it("does not mistake a bug of ours for an outage", async () => {
    const { history, reported } = storageOn(env.DB);
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    const execution = { ...anExecution(aJob()), output: circular } as unknown as Execution;
    expect(await history.record([entry(execution)])).toBe(false);
    expect(reported.map(({ fault, marker }) => ({ fault, marker }))).toEqual([
      { fault: "unknown", marker: "TypeError" },
    ]);
  });
});
