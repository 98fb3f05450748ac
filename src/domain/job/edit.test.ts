import { describe, expect, it } from "vitest";
import { RETRY_DEFAULTS } from "../retry/policy.ts";
import { createJob, dependsOnFiring, editJob, transitionFrom } from "./edit.ts";
import type { JobChanges } from "./editMerge.ts";
import type { Job, JobState } from "./job.ts";

const CREATED = Date.UTC(2030, 0, 1);
const NOW = CREATED + 3_600_000;
const targetPolicy = { allowPrivate: false, ownHosts: [] };

function job(changes: JobChanges = {}, overrides: Partial<Job> = {}): Job {
  const made = createJob(
    "wks_1",
    {
      name: "sync",
      kind: "recurring",
      schedule: { everyMinutes: 5 },
      request: { url: "https://a.example.com/" },
      ...changes,
    },
    { nowMs: CREATED, random: () => 0, targetPolicy },
  );
  if (!made.ok) throw new Error(JSON.stringify(made.error));
  return { ...made.value, ...overrides };
}

function edit(before: Job, changes: JobChanges, hasFired = false): Job {
  const edited = editJob(before, changes, { nowMs: NOW, targetPolicy, hasFired });
  if (!edited.ok) throw new Error(JSON.stringify(edited.error));
  return edited.value;
}

const cron = (state: JobState = "active"): Job =>
  job({ kind: "cron", schedule: { cron: "0 2 * * *", timezone: "Europe/Berlin", dst: { gap: "skip" } } }, { state });
const scheduled = (state: JobState, runAtMs: number): Job =>
  job({ kind: "scheduled", schedule: { runAtMs: CREATED + 1 } }, { state, schedule: { kind: "scheduled", runAtMs } });

describe("createJob", () => {
  it("starts at version 1, active, counting from now", () => {
    expect(job()).toMatchObject({ version: 1, state: "active", createdAtMs: CREATED, scheduleFromMs: CREATED });
  });
});

describe("editJob", () => {
  it("changes only what it names and raises the version", () => {
    const before = cron();
    const after = edit(before, { request: { timeoutSeconds: 60 }, retryPolicy: { maxAttempts: 5 } });
    expect(after).toEqual({
      ...before,
      request: { ...before.request, timeoutSeconds: 60 },
      retryPolicy: { ...before.retryPolicy, maxAttempts: 5 },
      version: 2,
      updatedAtMs: NOW,
    });
  });

  it("lets an override of the concurrency hold from when it came, until it is taken back", () => {
    const overridden = edit(job({ concurrencyLimit: 2 }), { concurrencyOverride: 5 });
    expect(overridden).toMatchObject({ concurrencyLimit: 2, concurrencyOverride: { limit: 5, atMs: NOW } });
    const earlier = { ...overridden, concurrencyOverride: { limit: 5, atMs: CREATED } };
    expect(edit(earlier, { name: "x" }).concurrencyOverride).toEqual({ limit: 5, atMs: CREATED });
    expect(edit(earlier, { concurrencyOverride: 5 }).concurrencyOverride).toEqual({ limit: 5, atMs: CREATED });
    expect(edit(earlier, { concurrencyOverride: 6 }).concurrencyOverride).toEqual({ limit: 6, atMs: NOW });
    expect(edit(earlier, { concurrencyOverride: null }).concurrencyOverride).toBeNull();
  });

  it("merges the schedule member by member", () => {
    expect(edit(cron(), { schedule: { cron: "30 3 * * *" } }).schedule).toEqual({
      kind: "cron",
      cron: "30 3 * * *",
      timezone: "Europe/Berlin",
      dst: { gap: "skip", repeat: "once" },
    });
    expect(edit(cron(), { schedule: { dst: { repeat: "twice" } } }).schedule).toMatchObject({
      dst: { gap: "skip", repeat: "twice" },
    });
  });

  it("sets a member back to its default with null", () => {
    const before = edit(cron(), { request: { timeoutSeconds: 60 }, retryPolicy: { maxAttempts: 5 } });
    const after = edit(before, {
      schedule: { timezone: null, dst: null },
      request: { timeoutSeconds: null },
      retryPolicy: null,
    });
    expect(after.schedule).toMatchObject({ timezone: "UTC", dst: { gap: "run", repeat: "once" } });
    expect(after.request.timeoutSeconds).toBe(30);
    expect(after.retryPolicy).toEqual(RETRY_DEFAULTS);
  });

  it("drops the members of the kind that was left", () => {
    expect(edit(cron(), { kind: "recurring", schedule: { everyMinutes: 7 } }).schedule).toEqual({
      kind: "recurring",
      everyMinutes: 7,
    });
  });

  it("refuses a kind without its schedule", () => {
    const edited = editJob(cron(), { kind: "recurring" }, { nowMs: NOW, targetPolicy, hasFired: false });
    expect(!edited.ok && edited.error).toMatchObject({
      type: "invalid",
      issues: [{ path: "schedule.every_n_minutes" }],
    });
  });

  it("forgets the list of waits with its type", () => {
    const before = edit(cron(), { retryPolicy: { backoff: { type: "list", listMs: [1, 2] } } });
    expect(edit(before, { retryPolicy: { backoff: { type: "fixed" } } }).retryPolicy.backoff.listMs).toEqual([]);
  });

  it("counts from now on when the schedule changes, and only then", () => {
    expect(edit(cron(), { schedule: { cron: "30 3 * * *" } }).scheduleFromMs).toBe(NOW);
    expect(edit(cron(), { schedule: { cron: "0 2 * * *" }, name: "new" }).scheduleFromMs).toBe(CREATED);
    expect(edit(cron(), { state: "active" }).scheduleFromMs).toBe(CREATED);
    expect(edit(cron("active"), { state: "paused" }).scheduleFromMs).toBe(CREATED);
  });

  it.each(["paused", "draft"] as const)("counts from now on when a %s job becomes active", (state) => {
    expect(edit(cron(state), { state: "active" })).toMatchObject({ state: "active", scheduleFromMs: NOW });
  });

  it("does not run a one_time job again because it was paused while it ran", () => {
    const paused = job({ kind: "one_time", schedule: null }, { state: "paused" });
    expect(edit(paused, { state: "active" }, true).scheduleFromMs).toBe(CREATED);
    expect(edit(paused, { state: "active" }, false).scheduleFromMs).toBe(NOW);
  });

  it("refuses to activate a scheduled job whose time has passed, unless it has fired", () => {
    const paused = scheduled("paused", NOW - 1);
    const edited = editJob(paused, { state: "active" }, { nowMs: NOW, targetPolicy, hasFired: false });
    expect(!edited.ok && edited.error).toMatchObject({ type: "invalid", issues: [{ path: "schedule.run_at" }] });
    expect(edit(paused, { state: "active" }, true).state).toBe("active");
    expect(edit(paused, { state: "active", schedule: { runAtMs: NOW + 1 } }).scheduleFromMs).toBe(NOW);
  });

  it("leaves a passed run_at alone when something else is changed", () => {
    expect(edit(scheduled("completed", NOW - 1), { name: "renamed" })).toMatchObject({ state: "completed" });
  });

  it("wakes a completed job with a new schedule, in the state that is asked for", () => {
    const completed = scheduled("completed", NOW - 1);
    const schedule = { runAtMs: NOW + 1 };
    expect(edit(completed, { schedule })).toMatchObject({ state: "active", scheduleFromMs: NOW });
    expect(edit(completed, { schedule, state: "paused" }).state).toBe("paused");
    expect(edit(completed, { kind: "recurring", schedule: { everyMinutes: 5 } }).state).toBe("active");
  });

  it("refuses another state for a completed job", () => {
    const edited = editJob(
      scheduled("completed", NOW - 1),
      { state: "active" },
      { nowMs: NOW, targetPolicy, hasFired: true },
    );
    expect(!edited.ok && edited.error).toEqual({ type: "completed" });
  });

  it("judges the whole again", () => {
    const edited = editJob(
      job({ request: { url: "https://a.example.com/", method: "POST", body: "x" } }),
      { request: { method: "GET" } },
      { nowMs: NOW, targetPolicy, hasFired: false },
    );
    expect(!edited.ok && edited.error).toMatchObject({ issues: [{ path: "request.body" }] });
  });
});

describe("dependsOnFiring", () => {
  it("is so for one-shot jobs that become active, and for no other", () => {
    const paused = job({ kind: "one_time", schedule: null }, { state: "paused" });
    expect(dependsOnFiring(paused, { state: "active" })).toBe(true);
    expect(dependsOnFiring(paused, { name: "x" })).toBe(false);
    expect(dependsOnFiring({ ...paused, state: "active" }, { state: "active" })).toBe(false);
    expect(dependsOnFiring(cron("paused"), { state: "active" })).toBe(false);
  });
});

describe("transitionFrom", () => {
  it.each([
    ["active", "pause", "paused"],
    ["paused", "pause", "unchanged"],
    ["draft", "pause", null],
    ["active", "resume", "unchanged"],
    ["paused", "resume", "active"],
    ["draft", "resume", null],
    ["active", "activate", "unchanged"],
    ["paused", "activate", null],
    ["draft", "activate", "active"],
  ] as const)("from %s, %s leads to %s", (state, transition, target) => {
    const result = transitionFrom(state, transition);
    expect(result.ok ? result.value : null).toBe(target);
  });
});
