/** Schedules as other API faces know them: each starts a task by cron. */

import type { FieldIssue } from "../../domain/issue.ts";
import { createJob as newJob } from "../../domain/job/edit.ts";
import type { CronTiming } from "../../domain/job/followTask.ts";
import { cronTimingOf, scheduleChanges } from "../../domain/job/followTask.ts";
import type { Job } from "../../domain/job/job.ts";
import type { ScheduleBinding } from "../../domain/job/scheduleBinding.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { invalid, notFound } from "../errors.ts";
import { applyJob } from "../jobs/applyJob.ts";
import { transitionJob } from "../jobs/changeJob.ts";
import { deleteJob } from "../jobs/deleteJob.ts";
import { findTask } from "../jobs/findTask.ts";
import { edited, rewriteJob } from "../jobs/rewriteJob.ts";
import { findJob, nextRunAtMs } from "../jobs/viewJob.ts";
import type { Services } from "../services.ts";
import { followTask } from "./leadSchedules.ts";

export interface ScheduleInput {
  /** A job's id or name. */
  readonly task: string;
  readonly cron: string;
  /** IANA; UTC by default. */
  readonly timezone?: string;
  readonly externalId?: string | null;
}

/** `upcomingTimes(services, view.job, count)` tells when it is due, and describes it in words. */
export interface ScheduleView {
  /** The schedule itself. Its `name` is its task's name. */
  readonly job: Job;
  /** `null` for a job with a cron timing of its own, which is its own task. */
  readonly binding: ScheduleBinding | null;
  readonly cron: string;
  readonly timezone: string;
  /** Whether it fires. */
  readonly active: boolean;
  readonly nextRunAtMs: number | null;
}

export interface SchedulePage {
  readonly schedules: readonly ScheduleView[];
  /** All pages together. */
  readonly count: number;
}

const UTC = "UTC";

/**
 * Creates a schedule of a task, or changes the one that has the deduplication key: of several requests with one key at
 * the same moment one creates it, and the others change it. Complaints about `task`, `cron` and `timezone` come as
 * `invalid_request` with a sentence for each.
 */
export async function createOrUpdateSchedule(
  services: Services,
  workspaceId: string,
  input: ScheduleInput & { readonly deduplicationKey: string | null },
): Promise<Outcome<ScheduleView>> {
  const task = await taskOf(services, workspaceId, input.task);
  if (!task.ok) return task;
  const wanted = scheduleJob(services, task.value, input);
  if (!wanted.ok) return wanted;
  const { externalId = null, deduplicationKey } = input;
  // Bound before it is saved: the key decides which job it is, also for a request that was cut off right here.
  const bound = await services.scheduleBindings.insert({
    jobId: wanted.value.id,
    workspaceId,
    taskJobId: task.value.id,
    externalId,
    deduplicationKey,
  });
  const job = { ...wanted.value, id: bound.jobId };
  const known = await services.jobs.find(workspaceId, job.id);
  if (known === null) {
    await services.jobs.insert(job, null);
    const applied = await applyJob(services, job);
    if (!applied.ok) return applied;
  }
  // A schedule that was there, or that another request put there, takes over what this one asks for.
  const followed = await rebind(services, bound, task.value, input);
  if (!followed.ok) return followed;
  return await whileTaskLives(services, workspaceId, task.value.id, followed.value);
}

/** `page` counts from 1. */
export async function listSchedules(
  services: Services,
  workspaceId: string,
  { page, perPage }: { readonly page: number; readonly perPage: number },
): Promise<SchedulePage> {
  const offset = (page - 1) * perPage;
  const { rows, count } = await services.scheduleBindings.listSchedules(workspaceId, { limit: perPage, offset });
  const nowMs = services.clock.now();
  return { schedules: rows.flatMap(({ job, binding }) => viewOf(job, binding, nowMs) ?? []), count };
}

export async function getSchedule(
  services: Services,
  workspaceId: string,
  scheduleId: string,
): Promise<Outcome<ScheduleView>> {
  const job = await findJob(services, workspaceId, scheduleId);
  if (!job.ok) return notFound("schedule");
  const binding = await services.scheduleBindings.find(scheduleId);
  const view = viewOf(job.value, binding, services.clock.now());
  return view === null ? notFound("schedule") : ok(view);
}

/** Other cron, other task, other external id: all are replaced. A job that is its own task keeps being that. */
export async function updateSchedule(
  services: Services,
  workspaceId: string,
  scheduleId: string,
  input: ScheduleInput,
): Promise<Outcome<ScheduleView>> {
  const before = await getSchedule(services, workspaceId, scheduleId);
  if (!before.ok) return before;
  const { job, binding } = before.value;
  if (binding === null) return await updateOwn(services, job, input);
  const task = await taskOf(services, workspaceId, input.task);
  if (!task.ok) return task;
  const wanted = scheduleJob(services, task.value, input);
  if (!wanted.ok) return wanted;
  const followed = await rebind(services, binding, task.value, input);
  if (!followed.ok) return followed;
  return await whileTaskLives(services, workspaceId, task.value.id, followed.value);
}

/** Pauses the schedule or lets it fire again; one that is there already stays as it is. */
export async function setScheduleActive(
  services: Services,
  workspaceId: string,
  scheduleId: string,
  active: boolean,
): Promise<Outcome<ScheduleView>> {
  const before = await getSchedule(services, workspaceId, scheduleId);
  if (!before.ok || before.value.active === active) return before;
  const { state } = before.value.job;
  // A draft does not fire, so it is as good as paused.
  if (!active && state === "draft") return before;
  const transition = !active ? "pause" : state === "draft" ? "activate" : "resume";
  const job = await transitionJob(services, workspaceId, scheduleId, transition);
  return job.ok ? await getSchedule(services, workspaceId, scheduleId) : job;
}

/** Deletes the job that the schedule is; its task stays. */
export async function removeSchedule(
  services: Services,
  workspaceId: string,
  scheduleId: string,
): Promise<Outcome<null>> {
  const schedule = await getSchedule(services, workspaceId, scheduleId);
  return schedule.ok ? await deleteJob(services, workspaceId, scheduleId) : schedule;
}

function viewOf(job: Job, binding: ScheduleBinding | null, nowMs: number): ScheduleView | null {
  const timing = cronTimingOf(job);
  if (timing === null) return null;
  const { cron, timezone } = timing;
  return { job, binding, cron, timezone, active: job.state === "active", nextRunAtMs: nextRunAtMs(job, nowMs) };
}

/** The schedule of a task stands for its task. */
async function taskOf(services: Services, workspaceId: string, idOrName: string): Promise<Outcome<Job>> {
  const found = await findTask(services, workspaceId, idOrName);
  if (!found.ok)
    return invalid([{ path: "task", message: "names no job of this workspace, neither by id nor by name" }]);
  const binding = await services.scheduleBindings.find(found.value.id);
  return binding === null ? found : await findJob(services, workspaceId, binding.taskJobId);
}

/** A new job for the schedule, or what is wrong with what was asked for. */
function scheduleJob(services: Services, task: Job, input: ScheduleInput): Outcome<Job> {
  const { clock, random, targetPolicy, publicUrl } = services;
  const context = { nowMs: clock.now(), random, targetPolicy, publicUrl };
  const job = newJob(task.workspaceId, scheduleChanges(task, timingOf(input)), context);
  return job.ok ? job : invalid(job.error.map(asGiven));
}

function timingOf({ cron, timezone }: ScheduleInput): Pick<CronTiming, "cron" | "timezone"> {
  return { cron, timezone: timezone ?? UTC };
}

/** The fields as a schedule's author knows them. What is wrong beside them is wrong with the task. */
function asGiven({ path, message }: FieldIssue): FieldIssue {
  if (path === "schedule.cron" || path === "schedule.timezone")
    return { path: path.slice("schedule.".length), message };
  const named = path === "" ? message : `${path} ${message}`;
  return { path: "task", message: `cannot run by cron as it is defined: ${named}` };
}

async function rebind(
  services: Services,
  binding: ScheduleBinding,
  task: Job,
  input: ScheduleInput,
): Promise<Outcome<ScheduleView>> {
  const { externalId = null } = input;
  if (binding.taskJobId !== task.id || binding.externalId !== externalId) {
    await services.scheduleBindings.replace({ ...binding, taskJobId: task.id, externalId });
  }
  const followed = await followTask(services, task, binding.jobId, timingOf(input));
  return followed.ok ? await getSchedule(services, task.workspaceId, binding.jobId) : followed;
}

/** A task that was deleted while its schedule was made takes the schedule with it. */
async function whileTaskLives(
  services: Services,
  workspaceId: string,
  taskJobId: string,
  view: ScheduleView,
): Promise<Outcome<ScheduleView>> {
  if ((await services.jobs.find(workspaceId, taskJobId)) !== null) return ok(view);
  await deleteJob(services, workspaceId, view.job.id);
  return invalid([{ path: "task", message: "was deleted just now" }]);
}

async function updateOwn(services: Services, job: Job, input: ScheduleInput): Promise<Outcome<ScheduleView>> {
  const { id, name, workspaceId } = job;
  if (input.task !== id && input.task !== name) {
    return invalid([{ path: "task", message: "must stay the same: this schedule belongs to a job of its own" }]);
  }
  if (input.externalId !== undefined && input.externalId !== null) {
    const message = "is kept only for schedules that were made for a task; this one belongs to a job of its own";
    return invalid([{ path: "externalId", message }]);
  }
  const changed = await rewriteJob(services, workspaceId, id, async (before) => {
    const next = await edited(services, before, { changes: { schedule: timingOf(input) }, complaints: [] });
    if (next.ok || next.error.code !== "invalid_request") return next;
    return invalid(next.error.issues.map(asGiven));
  });
  return changed.ok ? await getSchedule(services, workspaceId, id) : changed;
}
