import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Job } from "../../../src/domain/job/job.ts";
import type { ScheduleBinding } from "../../../src/domain/job/scheduleBinding.ts";
import { aJob, aWorkspaceId, START_MS } from "./builders.ts";
import { storageOn } from "./storage.ts";

const { jobs, scheduleBindings } = storageOn(env.DB);
const DST = { gap: "run", repeat: "once" } as const;
const CRON = { kind: "cron", cron: "0 * * * *", timezone: "UTC", dst: DST } as const;

function bind(job: Job, task: Job, changes: Partial<ScheduleBinding> = {}): ScheduleBinding {
  const { id: jobId, workspaceId } = job;
  return { jobId, workspaceId, taskJobId: task.id, externalId: null, deduplicationKey: null, ...changes };
}

async function stored(workspaceId: string, changes: Partial<Job> = {}): Promise<Job> {
  const job = aJob({ workspaceId, ...changes });
  await jobs.insert(job, null);
  return job;
}

describe("bindings", () => {
  it("are one for each deduplication key of a workspace, also when they are asked for at once", async () => {
    const workspaceId = aWorkspaceId();
    const task = aJob({ workspaceId });
    const wanted = Array.from({ length: 6 }, () => bind(aJob({ workspaceId }), task, { deduplicationKey: "k" }));
    const made = await Promise.all(wanted.map((binding) => scheduleBindings.insert(binding)));
    expect(new Set(made.map(({ jobId }) => jobId)).size).toBe(1);
    const other = aWorkspaceId();
    const elsewhere = bind(aJob({ workspaceId: other }), task, { deduplicationKey: "k" });
    expect(await scheduleBindings.insert(elsewhere)).toEqual(elsewhere);
    expect(await scheduleBindings.listOfTask(workspaceId, task.id)).toEqual([made[0]]);
  });

  it("take another task and another external id, and keep their key", async () => {
    const workspaceId = aWorkspaceId();
    const [task, next] = [aJob({ workspaceId }), aJob({ workspaceId })];
    const binding = bind(aJob({ workspaceId }), task, { deduplicationKey: "k" });
    await scheduleBindings.insert(binding);
    const changed = { ...binding, taskJobId: next.id, externalId: "e" };
    await scheduleBindings.replace(changed);
    expect(await scheduleBindings.find(binding.jobId)).toEqual(changed);
    expect(await scheduleBindings.listOfTask(workspaceId, task.id)).toEqual([]);
  });

  it("go with the job that is the schedule, and give the key back at once", async () => {
    const workspaceId = aWorkspaceId();
    const [task, schedule] = [await stored(workspaceId), await stored(workspaceId)];
    await scheduleBindings.insert(bind(schedule, task, { deduplicationKey: "k" }));
    await jobs.markDeleted(aWorkspaceId(), schedule.id, START_MS);
    expect(await scheduleBindings.find(schedule.id)).not.toBeNull();
    await jobs.markDeleted(workspaceId, schedule.id, START_MS);
    expect(await scheduleBindings.find(schedule.id)).toBeNull();
    const again = bind(aJob({ workspaceId }), task, { deduplicationKey: "k" });
    expect(await scheduleBindings.insert(again)).toEqual(again);
  });
});

describe("listSchedules", () => {
  it("has every job with a cron timing, newest first, and counts them", async () => {
    const workspaceId = aWorkspaceId();
    const steps = [{ type: "transform", id: "t", name: null, when: null, onError: "fail", value: 1 }] as const;
    const workflow = (timing: typeof CRON | null) => ({ schedule: { kind: "workflow", timing }, steps }) as const;
    const task = await stored(workspaceId, { createdAtMs: START_MS, schedule: { kind: "one_time" } });
    const own = await stored(workspaceId, { createdAtMs: START_MS + 1, schedule: CRON });
    await stored(workspaceId, { createdAtMs: START_MS + 2, ...workflow(null) });
    const stepped = await stored(workspaceId, { createdAtMs: START_MS + 3, ...workflow(CRON) });
    const bound = await stored(workspaceId, { createdAtMs: START_MS + 4, schedule: CRON, state: "paused" });
    const gone = await stored(workspaceId, { createdAtMs: START_MS + 5, schedule: CRON });
    await jobs.markDeleted(workspaceId, gone.id, START_MS);
    await stored(aWorkspaceId(), { schedule: CRON });
    const binding = bind(bound, task, { externalId: "e" });
    await scheduleBindings.insert(binding);
    expect(await scheduleBindings.listSchedules(workspaceId, { limit: 10, offset: 0 })).toEqual({
      rows: [
        { job: bound, binding },
        { job: stepped, binding: null },
        { job: own, binding: null },
      ],
      count: 3,
    });
    const second = await scheduleBindings.listSchedules(workspaceId, { limit: 1, offset: 1 });
    expect(second).toEqual({ rows: [{ job: stepped, binding: null }], count: 3 });
  });
});

describe("findByName", () => {
  it("finds the oldest job of exactly this name that is no schedule of a task", async () => {
    const workspaceId = aWorkspaceId();
    const name = "Überwachung a%";
    const schedule = await stored(workspaceId, { name, createdAtMs: START_MS });
    const first = await stored(workspaceId, { name, createdAtMs: START_MS + 1, state: "completed" });
    const second = await stored(workspaceId, { name, createdAtMs: START_MS + 2 });
    await stored(workspaceId, { name: `${name} b`, createdAtMs: START_MS - 1 });
    await stored(aWorkspaceId(), { name, createdAtMs: START_MS - 1 });
    await scheduleBindings.insert(bind(schedule, first));
    expect((await jobs.findByName(workspaceId, name))?.id).toBe(first.id);
    expect(await jobs.findByName(workspaceId, name.toLowerCase())).toBeNull();
    await jobs.markDeleted(workspaceId, first.id, START_MS);
    expect((await jobs.findByName(workspaceId, name))?.id).toBe(second.id);
    await jobs.markDeleted(workspaceId, second.id, START_MS);
    expect((await jobs.findByName(workspaceId, name))?.id).toBe(schedule.id);
  });
});
