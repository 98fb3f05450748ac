/** Schedules of tasks through their use cases, with real actors and D1. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { patchJob, transitionJob } from "../../../src/app/jobs/changeJob.ts";
import { deleteJob } from "../../../src/app/jobs/deleteJob.ts";
import { setQueuePaused } from "../../../src/app/jobs/jobQueue.ts";
import { upcomingTimes } from "../../../src/app/schedules/previewSchedule.ts";
import type { ScheduleInput, ScheduleView } from "../../../src/app/schedules/taskSchedules.ts";
import {
  createOrUpdateSchedule,
  getSchedule,
  listSchedules,
  removeSchedule,
  setScheduleActive,
  updateSchedule,
} from "../../../src/app/schedules/taskSchedules.ts";
import type { Services } from "../../../src/app/services.ts";
import type { JobChanges } from "../../../src/domain/job/editMerge.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import type { StepDefinition } from "../../../src/domain/workflow/definition.ts";
import { aWorkspaceId } from "../db/builders.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const QUIET = { schedule: { kind: "scheduled", runAtMs: START + 1_000 * HOUR } } as const;
const STEPS: readonly StepDefinition[] = [
  { type: "transform", id: "t", name: null, when: null, onError: "fail", value: 1 },
];

let world: Simulation;
let services: Services;
let workspaceId: string;
let task: Job;
beforeEach(async () => {
  // Between two minutes: what is created at one is due at once.
  world = new Simulation(START + 1);
  services = world.services();
  workspaceId = aWorkspaceId();
  task = await world.start({ ...QUIET, workspaceId, name: "report" });
});
afterEach(async () => {
  const { rows } = await services.scheduleBindings.listSchedules(workspaceId, { limit: 100, offset: 0 });
  for (const { job } of rows) await deleteJob(services, workspaceId, job.id);
  world.end();
});

const INPUT: ScheduleInput = { task: "report", cron: "* * * * *" };

async function create(changes: Partial<ScheduleInput> & { deduplicationKey?: string } = {}): Promise<ScheduleView> {
  const input = { deduplicationKey: null, ...INPUT, ...changes };
  const schedule = await createOrUpdateSchedule(services, workspaceId, input);
  if (!schedule.ok) throw new Error(JSON.stringify(schedule.error));
  world.jobs.set(schedule.value.job.id, schedule.value.job);
  return schedule.value;
}

async function shown({ job }: Pick<ScheduleView, "job">): Promise<ScheduleView> {
  const schedule = await getSchedule(services, workspaceId, job.id);
  if (!schedule.ok) throw new Error(JSON.stringify(schedule.error));
  return schedule.value;
}

async function patch(jobId: string, changes: JobChanges): Promise<Job> {
  const job = await patchJob(services, workspaceId, jobId, { changes, complaints: [] });
  if (!job.ok) throw new Error(JSON.stringify(job.error));
  return job.value;
}

async function count(): Promise<number> {
  return (await listSchedules(services, workspaceId, { page: 1, perPage: 100 })).count;
}

describe("a schedule", () => {
  it("does what its task does, when it is due", async () => {
    const schedule = await create({ cron: "*/5 * * * *", timezone: "Europe/London", externalId: "e" });
    expect(schedule).toMatchObject({
      active: true,
      cron: "*/5 * * * *",
      timezone: "Europe/London",
      nextRunAtMs: START + 5 * MINUTE,
      binding: { taskJobId: task.id, externalId: "e", deduplicationKey: null },
      job: { name: "report", request: task.request, schedule: { kind: "cron" } },
    });
    expect(upcomingTimes(services, schedule.job, 2).timesMs).toEqual([START + 5 * MINUTE, START + 10 * MINUTE]);
    await world.advanceTo(START + 10 * MINUTE);
    expect(world.arrivals.map(({ jobId, url }) => [jobId, url])).toEqual(
      [1, 2].map(() => [schedule.job.id, task.request.url]),
    );
  });

  it("of a task with steps runs its steps", async () => {
    const stepped = await world.start({
      workspaceId,
      name: "flow",
      schedule: { kind: "workflow", timing: null },
      steps: STEPS,
    });
    const schedule = await create({ task: stepped.id });
    expect(schedule.job).toMatchObject({ schedule: { kind: "workflow", timing: { kind: "cron" } }, steps: STEPS });
    await world.advanceTo(START + MINUTE);
    expect(await world.history(schedule.job)).toMatchObject([{ status: "succeeded", source: "schedule" }]);
  });

  it("is bound to the task of a schedule that is named as a task", async () => {
    const first = await create();
    const second = await create({ task: first.job.id });
    expect(second.binding?.taskJobId).toBe(task.id);
    // By name the task is found, though its schedules have the same one.
    expect((await create()).binding?.taskJobId).toBe(task.id);
  });

  it.each([
    [{ cron: "99 * * * *" }, "cron"],
    [{ cron: "* * * * * *" }, "cron"],
    [{ timezone: "Mars/Olympus" }, "timezone"],
    [{ task: "nobody" }, "task"],
  ])("with %j is refused with a sentence about %s", async (changes, path) => {
    const input = { ...INPUT, ...changes, deduplicationKey: "k" };
    const refused = await createOrUpdateSchedule(services, workspaceId, input);
    if (refused.ok || refused.error.code !== "invalid_request") throw new Error("It was not refused.");
    expect(refused.error.issues.map((issue) => issue.path)).toEqual([path]);
    expect(refused.error.issues[0]?.message.length).toBeGreaterThan(10);
    expect(await count()).toBe(0);
  });

  it("stops and goes on, and does not make up for what it missed", async () => {
    const schedule = await create();
    expect(await setScheduleActive(services, workspaceId, schedule.job.id, false)).toMatchObject({
      value: { active: false, nextRunAtMs: null },
    });
    expect(await setScheduleActive(services, workspaceId, schedule.job.id, false)).toMatchObject({ ok: true });
    await world.advanceTo(START + 3 * MINUTE + 1);
    expect(await setScheduleActive(services, workspaceId, schedule.job.id, true)).toMatchObject({
      value: { active: true, nextRunAtMs: START + 4 * MINUTE },
    });
    await world.advanceTo(START + 4 * MINUTE);
    expect(world.arrivals).toHaveLength(1);
  });

  it("is removed without its task", async () => {
    const schedule = await create({ deduplicationKey: "k" });
    expect(await removeSchedule(services, workspaceId, schedule.job.id)).toEqual({ ok: true, value: null });
    expect(await getSchedule(services, workspaceId, schedule.job.id)).toMatchObject({ error: { code: "not_found" } });
    expect(await services.jobs.find(workspaceId, task.id)).not.toBeNull();
    expect((await create({ deduplicationKey: "k" })).job.id).not.toBe(schedule.job.id);
  });

  it("is nobody else's, and a job without cron is none", async () => {
    const schedule = await create();
    for (const [owner, id] of [
      [aWorkspaceId(), schedule.job.id],
      [workspaceId, task.id],
      [workspaceId, "nonsense"],
    ] as const) {
      const missing = { error: { code: "not_found" } };
      expect(await getSchedule(services, owner, id)).toMatchObject(missing);
      expect(await updateSchedule(services, owner, id, INPUT)).toMatchObject(missing);
      expect(await setScheduleActive(services, owner, id, false)).toMatchObject(missing);
      expect(await removeSchedule(services, owner, id)).toMatchObject(missing);
    }
    expect(await count()).toBe(1);
  });
});

describe("a deduplication key", () => {
  it("changes the schedule that has it", async () => {
    const other = await world.start({ ...QUIET, workspaceId, name: "other" });
    const first = await create({ deduplicationKey: "k", externalId: "e" });
    const second = await create({ deduplicationKey: "k", task: "other", cron: "0 * * * *" });
    expect(second).toMatchObject({
      cron: "0 * * * *",
      job: { id: first.job.id, name: "other" },
      binding: { taskJobId: other.id, externalId: null, deduplicationKey: "k" },
    });
    expect(await count()).toBe(1);
  });

  it("makes one schedule of many requests at the same moment", async () => {
    const made = await Promise.all([1, 2, 3, 4, 5].map(() => create({ deduplicationKey: "k" })));
    expect(new Set(made.map(({ job }) => job.id)).size).toBe(1);
    expect(await count()).toBe(1);
    await world.advanceTo(START + MINUTE);
    expect(world.arrivals).toHaveLength(1);
  });

  it("makes no second version of what is the same already", async () => {
    const first = await create({ deduplicationKey: "k" });
    expect((await create({ deduplicationKey: "k" })).job.version).toBe(first.job.version);
  });

  it("leads to the schedule of a request that was cut off after it was bound", async () => {
    const cutOff = {
      ...services,
      jobs: {
        ...services.jobs,
        insert: async () => {
          throw new Error("The isolate is gone.");
        },
      },
    };
    const input = { ...INPUT, deduplicationKey: "k" };
    await expect(createOrUpdateSchedule(cutOff, workspaceId, input)).rejects.toThrow("gone");
    expect(await count()).toBe(0);
    await create({ deduplicationKey: "k" });
    await world.advanceTo(START + MINUTE);
    expect([await count(), world.arrivals.length]).toEqual([1, 1]);
  });
});

describe("a schedule follows its task", () => {
  it("with name, request, policies and queue, and keeps its own timing", async () => {
    const schedules = [await create(), await create({ cron: "0 * * * *", timezone: "Asia/Tokyo" })];
    const edited = await patch(task.id, {
      name: "renamed",
      request: { url: "https://example.com/other", method: "POST", body: { a: 1 } },
      retryPolicy: { maxAttempts: 7 },
      concurrencyLimit: 3,
      overlapPolicy: "skip",
    });
    for (const schedule of schedules) {
      const { job, cron, timezone } = await shown(schedule);
      expect(job).toMatchObject({
        name: "renamed",
        request: edited.request,
        retryPolicy: edited.retryPolicy,
        concurrencyLimit: 3,
        overlapPolicy: "skip",
      });
      expect([cron, timezone]).toEqual([schedule.cron, schedule.timezone]);
      expect(job.scheduleFromMs).toBe(schedule.job.scheduleFromMs);
    }
    await setQueuePaused(services, workspaceId, task.id, true);
    expect((await shown(schedules[0] as ScheduleView)).job.queuePaused).toBe(true);
  });

  it("when the task gets steps", async () => {
    const schedule = await create();
    await patch(task.id, { kind: "workflow", steps: STEPS });
    expect((await shown(schedule)).job).toMatchObject({ schedule: { kind: "workflow" }, steps: STEPS });
    await world.advanceTo(START + MINUTE);
    expect(world.arrivals).toEqual([]);
    expect(await world.history(schedule.job)).toMatchObject([{ status: "succeeded" }]);
  });

  it("and not with what is the task's alone", async () => {
    const schedule = await create();
    await transitionJob(services, workspaceId, task.id, "pause");
    await patch(task.id, { schedule: { runAtMs: START + 2_000 * HOUR } });
    expect((await shown(schedule)).job).toEqual(schedule.job);
  });

  it("and none of the others", async () => {
    const other = await world.start({ ...QUIET, workspaceId, name: "other" });
    const schedule = await create({ task: "other" });
    await patch(task.id, { request: { url: "https://example.com/changed" } });
    expect((await shown(schedule)).job.request.url).toBe(other.request.url);
  });

  it("into its deletion", async () => {
    const schedules = [await create(), await create({ deduplicationKey: "k" })];
    await world.delete(task);
    for (const { job } of schedules) {
      expect(await getSchedule(services, workspaceId, job.id)).toMatchObject({ error: { code: "not_found" } });
    }
    await world.advanceTo(START + 2 * MINUTE);
    expect(world.arrivals).toEqual([]);
  });

  it("into a deletion that happened while it was made", async () => {
    const slow: Services = {
      ...services,
      scheduleBindings: {
        ...services.scheduleBindings,
        insert: async (binding) => {
          await world.delete(task);
          return await services.scheduleBindings.insert(binding);
        },
      },
    };
    const refused = await createOrUpdateSchedule(slow, workspaceId, { ...INPUT, deduplicationKey: null });
    expect(refused).toMatchObject({ error: { issues: [{ path: "task" }] } });
    expect(await count()).toBe(0);
  });
});

describe("an update", () => {
  it("replaces cron, timezone, task and external id, and the new timing counts from now", async () => {
    const other = await world.start({ ...QUIET, workspaceId, name: "other" });
    const schedule = await create({ externalId: "e" });
    await world.advanceTo(START + MINUTE);
    const input = { task: other.id, cron: "*/10 * * * *", timezone: "Asia/Tokyo" };
    expect(await updateSchedule(services, workspaceId, schedule.job.id, input)).toMatchObject({
      value: {
        cron: "*/10 * * * *",
        timezone: "Asia/Tokyo",
        nextRunAtMs: START + 10 * MINUTE,
        job: { name: "other", scheduleFromMs: START + MINUTE },
        binding: { taskJobId: other.id, externalId: null },
      },
    });
  });

  it("changes nothing when it is refused", async () => {
    const schedule = await create({ externalId: "e" });
    for (const changes of [{ cron: "nonsense" }, { task: "nobody" }, { timezone: "Mars/Olympus" }]) {
      const refused = await updateSchedule(services, workspaceId, schedule.job.id, { ...INPUT, ...changes });
      expect(refused).toMatchObject({ error: { code: "invalid_request" } });
    }
    expect(await shown(schedule)).toEqual(schedule);
  });
});

describe("a cron job of its own", () => {
  const CRON = { kind: "cron", cron: "0 * * * *", timezone: "UTC", dst: { gap: "run", repeat: "once" } } as const;

  it("is listed as a schedule beside those of tasks, page by page", async () => {
    const own = await world.start({ workspaceId, name: "own", schedule: CRON, createdAtMs: START - 1 });
    const bound = await create();
    const page = (page: number) => listSchedules(services, workspaceId, { page, perPage: 1 });
    expect(await page(1)).toMatchObject({ schedules: [{ job: { id: bound.job.id } }], count: 2 });
    expect(await page(2)).toMatchObject({
      schedules: [{ job: { id: own.id }, binding: null, cron: "0 * * * *" }],
      count: 2,
    });
    expect(await page(3)).toMatchObject({ schedules: [], count: 2 });
  });

  it("takes another timing, and no other task", async () => {
    const own = await world.start({ workspaceId, name: "own", schedule: CRON });
    const input = { task: "own", cron: "*/2 * * * *", timezone: "Asia/Tokyo" };
    expect(await updateSchedule(services, workspaceId, own.id, input)).toMatchObject({
      value: { cron: "*/2 * * * *", timezone: "Asia/Tokyo", binding: null },
    });
    for (const [changes, path] of [
      [{ task: "report" }, "task"],
      [{ externalId: "e" }, "externalId"],
      [{ cron: "nonsense" }, "cron"],
    ] as const) {
      expect(await updateSchedule(services, workspaceId, own.id, { ...input, ...changes })).toMatchObject({
        error: { issues: [{ path }] },
      });
    }
  });
});
