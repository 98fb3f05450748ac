import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { VERSIONS_KEPT, createJobVersionRepository } from "../../../src/db/jobVersions.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { NO_REQUEST } from "../../../src/domain/job/job.ts";
import { REQUEST_DEFAULTS } from "../../../src/domain/job/request.ts";
import { RETRY_DEFAULTS } from "../../../src/domain/retry/policy.ts";
import { START_MS, aJob, aWorkspaceId } from "./builders.ts";
import { recordingD1, storageOn } from "./storage.ts";

const { jobs } = storageOn(env.DB);
const versions = createJobVersionRepository(env.DB);
const PAGE = { limit: 50, offset: 0, cursor: null };

async function listed(jobId: string, page = {}) {
  const found = await versions.list(jobId, { ...PAGE, ...page });
  if (found === "bad_cursor") throw new Error("The cursor was refused.");
  return found;
}

async function aStoredJob(changes: Partial<Job> = {}): Promise<Job> {
  const job = aJob({ workspaceId: aWorkspaceId(), ...changes });
  await jobs.insert(job, null);
  return job;
}

function next(job: Job, changes: Partial<Job> = {}): Job {
  return { ...job, version: job.version + 1, updatedAtMs: job.updatedAtMs + 1, ...changes };
}

describe("versions of a job", () => {
  it("are written with the job, and are what it was", async () => {
    const first = await aStoredJob();
    const second = next(first, { name: "second", state: "paused" });
    expect(await jobs.replace(second, 1)).toBe(true);
    const { id, workspaceId, createdAtMs, updatedAtMs, scheduleFromMs, ...definition } = second;
    expect(await versions.find(id, 2)).toEqual({ ...definition, jobId: id, savedAtMs: updatedAtMs });
    expect((await listed(id)).items.map(({ name, savedAtMs }) => [name, savedAtMs])).toEqual([
      ["second", START_MS + 1],
      ["Nightly report", START_MS],
    ]);
    expect(await versions.find(id, 3)).toBeNull();
    expect([workspaceId, createdAtMs, scheduleFromMs]).toEqual([first.workspaceId, START_MS, START_MS]);
  });

  it("are those of the edit that won", async () => {
    const job = await aStoredJob();
    const both = [next(job, { name: "one" }), next(job, { name: "two" })];
    const won = await Promise.all(both.map((each) => jobs.replace(each, 1)));
    expect(won.toSorted()).toEqual([false, true]);
    const winner = both[won.indexOf(true)];
    expect((await versions.find(job.id, 2))?.name).toBe(winner?.name);
    expect((await listed(job.id)).items).toHaveLength(2);
  });

  it("are not written for a job that was not", async () => {
    const workspaceId = aWorkspaceId();
    const key = { key: "k", bodyDigest: "d" };
    await jobs.insert(aJob({ workspaceId }), key);
    const refused = aJob({ workspaceId });
    expect(await jobs.insert(refused, key)).toBe("idempotency_key_taken");
    expect((await listed(refused.id)).items).toEqual([]);
  });

  it("cost one row each", async () => {
    const job = await aStoredJob();
    await jobs.markApplied(job.id, 1);
    const recording = recordingD1();
    expect(await storageOn(recording.db).jobs.replace(next(job), 1)).toBe(true);
    // The job, its place in four indexes, and the version.
    expect(recording.rowsWritten()).toBe(6);
  });

  it("are kept up to a number", async () => {
    let job = await aStoredJob({ version: VERSIONS_KEPT });
    job = next(job);
    await jobs.replace(job, VERSIONS_KEPT);
    await jobs.replace(next(job, { version: 2 * VERSIONS_KEPT }), job.version);
    expect((await listed(job.id)).items.map(({ version }) => version)).toEqual([2 * VERSIONS_KEPT, VERSIONS_KEPT + 1]);
  });

  it("are purged with the job", async () => {
    const job = await aStoredJob();
    await jobs.markDeleted(job.workspaceId, job.id, START_MS);
    expect(await jobs.purge(job.id, 10)).toBe(true);
    expect((await listed(job.id)).items).toEqual([]);
  });

  it("say which cursor is none", async () => {
    expect(await versions.list("job_x", { ...PAGE, cursor: "nonsense" })).toBe("bad_cursor");
  });
});

describe("a job with steps", () => {
  const http = (id: string, header: string) =>
    ({
      type: "http",
      id,
      name: null,
      when: null,
      onError: "fail",
      request: { ...REQUEST_DEFAULTS, url: "https://a.example.com/", headers: { authorization: header } },
      retryPolicy: RETRY_DEFAULTS,
      extract: {},
    }) as const;

  it("is read as it was written, and known by the secrets of every step", async () => {
    const nested = { type: "parallel", id: "p", name: null, when: null, onError: "fail", mode: "all" } as const;
    const job = await aStoredJob({
      schedule: { kind: "workflow", timing: null },
      request: NO_REQUEST,
      steps: [
        http("a", "secret://one"),
        { ...nested, maxConcurrency: 10, branches: [[http("b", "secret://two")], [http("c", "secret://one")]] },
      ],
      env: { base: 1 },
      inputSchema: { type: "object" },
      responseOutputTemplate: "{{steps.a.output}}",
      publicUrl: "https://carillon.example.com",
    });
    expect(await jobs.find(job.workspaceId, job.id)).toEqual(job);
    const row = await env.DB.prepare("SELECT secret_names FROM jobs WHERE id = ?").bind(job.id).first("secret_names");
    expect(JSON.parse(String(row))).toEqual(["one", "two"]);
  });
});
