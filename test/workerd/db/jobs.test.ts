import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { JobFilter, Page } from "../../../src/app/ports.ts";
import { StorageUnavailable } from "../../../src/db/errors.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { aJob, anExecution, aWorkspaceId, START_MS } from "./builders.ts";
import { failingD1, recordingD1, storageOn } from "./storage.ts";

const storage = storageOn(env.DB);
const { jobs } = storage;
const NO_FILTER: JobFilter = { state: null, kind: null, name: null };

async function aStoredJob(changes: Partial<Job> = {}): Promise<Job> {
  const job = aJob({ workspaceId: aWorkspaceId(), ...changes });
  expect(await jobs.insert(job, null)).toBe("inserted");
  return job;
}

async function list(workspaceId: string, filter: Partial<JobFilter>, page = {}): Promise<Page<Job>> {
  const request = { limit: 50, offset: 0, cursor: null, ...page };
  const answer = await jobs.list(workspaceId, { ...NO_FILTER, ...filter }, request);
  if (answer === "bad_cursor") throw new Error("The cursor was refused.");
  return answer;
}

async function rowsWrittenBy(work: (recorded: ReturnType<typeof storageOn>) => Promise<unknown>): Promise<number> {
  const recording = recordingD1();
  await work(storageOn(recording.db));
  return recording.rowsWritten();
}

describe("insert and find", () => {
  it("finds what was inserted, in its own workspace only", async () => {
    const job = await aStoredJob();
    expect(await jobs.find(job.workspaceId, job.id)).toEqual(job);
    expect(await jobs.find(aWorkspaceId(), job.id)).toBeNull();
  });

  it("gives an idempotency key to one job of a workspace", async () => {
    const workspaceId = aWorkspaceId();
    const first = aJob({ workspaceId });
    const key = { key: "k1", bodyDigest: "digest" };
    expect(await jobs.insert(first, key)).toBe("inserted");
    expect(await jobs.insert(aJob({ workspaceId }), key)).toBe("idempotency_key_taken");
    expect(await jobs.insert(aJob({ workspaceId: aWorkspaceId() }), key)).toBe("inserted");
    expect(await jobs.findByIdempotencyKey(workspaceId, "k1")).toEqual({ job: first, bodyDigest: "digest" });
    expect(await jobs.findByIdempotencyKey(workspaceId, "k2")).toBeNull();
    expect((await list(workspaceId, {})).items).toEqual([first]);
  });

  it("is not confused by a repetition after a lost answer", async () => {
    const job = aJob({ workspaceId: aWorkspaceId() });
    const key = { key: "k", bodyDigest: "d" };
    await jobs.insert(job, key);
    expect(await jobs.insert(job, key)).toBe("inserted");
  });

  it("tries again after a passing fault, and gives up as unavailable", async () => {
    const job = aJob({ workspaceId: aWorkspaceId() });
    expect(await storageOn(failingD1("Network connection lost.", 2).db).jobs.insert(job, null)).toBe("inserted");
    const offline = failingD1("Network connection lost.");
    await expect(storageOn(offline.db).jobs.insert(aJob(), null)).rejects.toBeInstanceOf(StorageUnavailable);
    expect(offline.calls()).toBe(3);
  });

  it("writes six rows for a job, seven with a key, and one when its actor has it", async () => {
    const job = aJob({ workspaceId: aWorkspaceId() });
    expect(await rowsWrittenBy((recorded) => recorded.jobs.insert(job, null))).toBe(6);
    expect(await rowsWrittenBy((recorded) => recorded.jobs.markApplied(job.id, 1))).toBe(1);
    const key = { key: "k", bodyDigest: "d" };
    expect(await rowsWrittenBy((recorded) => recorded.jobs.insert({ ...aJob(), id: `${job.id}k` }, key))).toBe(7);
  });
});

describe("list", () => {
  it("answers newest first, filtered, page by page", async () => {
    const workspaceId = aWorkspaceId();
    const kinds = [
      { kind: "recurring", everyMinutes: 1 },
      { kind: "one_time" },
      { kind: "scheduled", runAtMs: START_MS },
    ] as const;
    const states = ["active", "paused", "draft", "completed", "active"] as const;
    const names = ["Rapport", "Überwachung", "50%_off's", "RAPPORT annuel"];
    const made = Array.from({ length: 60 }, (_, i) =>
      aJob({
        workspaceId,
        createdAtMs: START_MS + i,
        schedule: kinds[i % 3] as Job["schedule"],
        state: states[i % 5] as Job["state"],
        name: names[i % 4] as string,
      }),
    );
    for (const job of made) await jobs.insert(job, null);
    await aStoredJob({ name: "Rapport" });

    const filters: Partial<JobFilter>[] = [null, "active", "paused", "draft", "completed"].flatMap((state) =>
      [null, "recurring", "one_time"].flatMap((kind) =>
        [null, "rapport", "ÜBER", "%_", "'s"].map((name) => ({ state, kind, name }) as Partial<JobFilter>),
      ),
    );
    for (const filter of filters) {
      const wanted = made
        .filter(
          (job) =>
            (filter.state == null || job.state === filter.state) &&
            (filter.kind == null || job.schedule.kind === filter.kind) &&
            (filter.name == null || job.name.toLowerCase().includes(filter.name.toLowerCase())),
        )
        .toReversed();
      const found: Job[] = [];
      let cursor: string | null = null;
      do {
        const page: Page<Job> = await list(workspaceId, filter, { limit: 7, cursor });
        found.push(...page.items);
        cursor = page.nextCursor;
        expect(page.hasMore).toBe(cursor !== null);
      } while (cursor !== null);
      expect(found).toEqual(wanted);
      expect((await list(workspaceId, filter, { limit: 4, offset: 2 })).items).toEqual(wanted.slice(2, 6));
    }
  });

  it("refuses a cursor that is none", async () => {
    for (const cursor of ["", "x", btoa('{"id":"exe_1"}')]) {
      expect(await jobs.list(aWorkspaceId(), NO_FILTER, { limit: 1, offset: 0, cursor })).toBe("bad_cursor");
    }
  });

  it("neither skips nor repeats while jobs are created", async () => {
    const workspaceId = aWorkspaceId();
    const made = [1, 2, 3, 4].map((i) => aJob({ workspaceId, createdAtMs: START_MS + i }));
    for (const job of made) await jobs.insert(job, null);
    const first = await list(workspaceId, {}, { limit: 2 });
    await jobs.insert(aJob({ workspaceId, createdAtMs: START_MS + 9 }), null);
    const second = await list(workspaceId, {}, { limit: 2, cursor: first.nextCursor });
    expect([...first.items, ...second.items]).toEqual(made.toReversed());
    expect(second.hasMore).toBe(false);
  });
});

describe("replace", () => {
  it("replaces the version that was read, and no other", async () => {
    const job = await aStoredJob();
    const edited: Job = {
      ...job,
      name: "Renamed",
      state: "paused",
      schedule: { kind: "scheduled", runAtMs: START_MS + 5 },
      concurrencyLimit: 9,
      updatedAtMs: START_MS + 7,
      scheduleFromMs: START_MS + 7,
      version: 2,
    };
    expect(await jobs.replace(edited, 1)).toBe(true);
    expect(await jobs.replace({ ...edited, name: "Too late" }, 1)).toBe(false);
    expect(await jobs.find(job.workspaceId, job.id)).toEqual(edited);
    expect((await list(job.workspaceId, { name: "renamed", kind: "scheduled" })).items).toEqual([edited]);
  });

  it("does not reach into another workspace, nor to a deleted job", async () => {
    const job = await aStoredJob();
    expect(await jobs.replace({ ...job, workspaceId: aWorkspaceId(), version: 2 }, 1)).toBe(false);
    await jobs.markDeleted(job.workspaceId, job.id, START_MS);
    expect(await jobs.replace({ ...job, version: 2 }, 1)).toBe(false);
  });

  it("lets only one of two edits of the same version through", async () => {
    const job = await aStoredJob();
    const outcomes = await Promise.all(["a", "b"].map((name) => jobs.replace({ ...job, name, version: 2 }, 1)));
    expect(outcomes.toSorted()).toEqual([false, true]);
  });

  it("leaves a job completed that completed after it was read, unless it is activated again", async () => {
    const job = await aStoredJob({ schedule: { kind: "one_time" } });
    await storage.history.record([{ execution: anExecution(job), completesJob: true }]);
    await jobs.replace({ ...job, name: "Renamed", version: 2 }, 1);
    expect(await jobs.find(job.workspaceId, job.id)).toMatchObject({ name: "Renamed", state: "completed" });
    await jobs.replace({ ...job, version: 3, scheduleFromMs: START_MS + 1_000 }, 2);
    expect(await jobs.find(job.workspaceId, job.id)).toMatchObject({ state: "active" });
  });
});

describe("definitions that did not reach their actor", () => {
  const unapplied = async (beforeMs: number) => (await jobs.listUnapplied(beforeMs, 1_000)).map(({ id }) => id);

  it("are listed until they are marked, and again after an edit", async () => {
    const job = await aStoredJob();
    expect(await unapplied(START_MS)).not.toContain(job.id);
    expect(await unapplied(START_MS + 1)).toContain(job.id);
    await jobs.markApplied(job.id, 1);
    expect(await unapplied(START_MS + 1)).not.toContain(job.id);
    await jobs.replace({ ...job, version: 2, updatedAtMs: START_MS + 10 }, 1);
    expect(await unapplied(START_MS + 11)).toContain(job.id);
    expect((await jobs.listUnapplied(START_MS + 11, 1_000)).find(({ id }) => id === job.id)?.version).toBe(2);
  });

  it("are not forgotten when marks arrive out of order", async () => {
    const job = await aStoredJob();
    await jobs.replace({ ...job, version: 2 }, 1);
    await jobs.markApplied(job.id, 2);
    await jobs.markApplied(job.id, 1);
    expect(await unapplied(START_MS + 1)).not.toContain(job.id);
  });
});

describe("delete", () => {
  it("hides the job from every query, once, and frees its idempotency key", async () => {
    const workspaceId = aWorkspaceId();
    const job = aJob({ workspaceId });
    const key = { key: "k", bodyDigest: "d" };
    await jobs.insert(job, key);
    expect(await jobs.markDeleted(aWorkspaceId(), job.id, START_MS)).toBe(false);
    expect(await jobs.markDeleted(workspaceId, job.id, START_MS)).toBe(true);
    expect(await jobs.markDeleted(workspaceId, job.id, START_MS)).toBe(false);

    expect(await jobs.find(workspaceId, job.id)).toBeNull();
    expect(await jobs.findByIdempotencyKey(workspaceId, "k")).toBeNull();
    expect((await list(workspaceId, {})).items).toEqual([]);
    expect((await list(workspaceId, { state: "active" })).items).toEqual([]);
    expect((await jobs.listActive(null, 1_000)).map((each) => each.job.id)).not.toContain(job.id);
    expect((await jobs.listUnapplied(START_MS + 1e9, 1_000)).map(({ id }) => id)).not.toContain(job.id);
    expect(await jobs.insert(aJob({ workspaceId }), key)).toBe("inserted");
  });

  it("leaves a job to be purged, which then is known to nobody", async () => {
    const job = await aStoredJob();
    expect(await jobs.purge(job.id, 10)).toBe(false);
    expect(await jobs.find(job.workspaceId, job.id)).toEqual(job);
    await jobs.markDeleted(job.workspaceId, job.id, START_MS);
    expect(await jobs.listDeleted(1_000)).toContain(job.id);
    expect(await jobs.purge(job.id, 10)).toBe(true);
    expect(await jobs.purge(job.id, 10)).toBe(true);
    expect(await jobs.listDeleted(1_000)).not.toContain(job.id);
  });

  it("does not purge executions of a job that lives", async () => {
    const job = await aStoredJob();
    const execution = anExecution(job);
    await storage.history.record([{ execution, completesJob: false }]);
    expect(await jobs.purge(job.id, 10)).toBe(false);
    expect(await storage.executions.find(job.workspaceId, execution.id)).toEqual(execution);
  });
});

describe("listActive", () => {
  it("walks active jobs in the order of their ids, each with its schedule's latest due time", async () => {
    // Before all other jobs of this file.
    const at = (createdAtMs: number, state: Job["state"] = "active") => aStoredJob({ createdAtMs, state });
    const [first, paused, second, third] = [await at(1), await at(2, "paused"), await at(3), await at(4)];
    const due = [10, 20].map((i) => anExecution(second, { scheduledForMs: START_MS + i }));
    const manual = anExecution(second, { scheduledForMs: START_MS + 99, source: "manual" });
    await storage.history.record([...due, manual].map((execution) => ({ execution, completesJob: false })));

    expect(await jobs.listActive(null, 2)).toEqual([
      { job: first, lastScheduledForMs: null },
      { job: second, lastScheduledForMs: START_MS + 20 },
    ]);
    const [next] = await jobs.listActive(second.id, 1);
    expect(next).toEqual({ job: third, lastScheduledForMs: null });
    expect((await jobs.listActive(null, 1_000)).map(({ job }) => job.id)).not.toContain(paused.id);
  });
});
