/** A job as it is shown: its definition, when it is due next, and what its last execution did. */

import { isJobId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job/job.ts";
import { scheduleOf } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import { nextAfter, upcoming } from "../../domain/schedule/schedule.ts";
import type { Schedule } from "../../domain/schedule/schedule.ts";
import type { Outcome } from "../errors.ts";
import { invalid, notFound } from "../errors.ts";
import type { ExecutionSummary, JobFilter, Page, PageRequest } from "../ports.ts";
import type { Services } from "../services.ts";
import { readTriggerTokens } from "../triggers/triggerTokens.ts";

export interface JobView {
  readonly job: Job;
  readonly nextRunAtMs: number | null;
  readonly lastExecution: ExecutionSummary | null;
  /** Of a job that webhooks start, where it can be shown. */
  readonly triggerToken: string | null;
}

/**
 * The next due time of an active job, worked out when it is asked for: the actor keeps its own, and a copy in the
 * database would cost a row for every fire. A one-shot job shows its due time until it is completed.
 */
export function nextRunAtMs(job: Job, nowMs: number): number | null {
  if (job.state !== "active") return null;
  const schedule = scheduleOf(job);
  return schedule.type === "once" ? schedule.atMs : nextAfter(schedule, Math.max(nowMs, job.scheduleFromMs - 1));
}

/** The first `count` due times that are still to come; none unless the job is active. */
export function upcomingOf(job: Job, nowMs: number, count: number): { schedule: Schedule; timesMs: number[] } {
  const schedule = scheduleOf(job);
  const timesMs = job.state === "active" ? upcoming(schedule, Math.max(nowMs, job.scheduleFromMs - 1), count) : [];
  return { schedule, timesMs };
}

/** What is due later is not the last execution; an actor's clock may be a little ahead of ours. */
const CLOCKS_APART_MS = 1_000;

async function viewJobs(services: Services, jobs: readonly Job[]): Promise<JobView[]> {
  if (jobs.length === 0) return [];
  const nowMs = services.clock.now();
  const [latest, tokens] = await Promise.all([
    services.executions.latestOfJobs(
      jobs.map((job) => job.id),
      nowMs + CLOCKS_APART_MS,
    ),
    readTriggerTokens(services, jobs),
  ]);
  return jobs.map((job) => ({
    job,
    nextRunAtMs: nextRunAtMs(job, nowMs),
    lastExecution: latest.get(job.id) ?? null,
    triggerToken: tokens.get(job.id) ?? null,
  }));
}

/** A job that was created a moment ago: nothing of it can be in the history. */
export function viewNewJob(services: Services, job: Job, triggerToken: string | null): JobView {
  return { job, nextRunAtMs: nextRunAtMs(job, services.clock.now()), lastExecution: null, triggerToken };
}

export async function viewJob(services: Services, job: Job): Promise<JobView> {
  const [view] = await viewJobs(services, [job]);
  // One job is one view.
  return view as JobView;
}

export async function getJob(services: Services, workspaceId: string, jobId: string): Promise<Outcome<JobView>> {
  const job = await findJob(services, workspaceId, jobId);
  return job.ok ? ok(await viewJob(services, job.value)) : job;
}

/** A text that is no id is not looked up: it names nothing. */
export async function findJob(services: Services, workspaceId: string, jobId: string): Promise<Outcome<Job>> {
  const job = isJobId(jobId) ? await services.jobs.find(workspaceId, jobId) : null;
  return job === null ? notFound("job") : ok(job);
}

export async function listJobs(
  services: Services,
  workspaceId: string,
  filter: JobFilter,
  page: PageRequest,
): Promise<Outcome<Page<JobView>>> {
  const found = await services.jobs.list(workspaceId, filter, page);
  if (found === "bad_cursor") return badCursor();
  return ok({ ...found, items: await viewJobs(services, found.items) });
}

export function badCursor(): ReturnType<typeof invalid> {
  return invalid([{ path: "cursor", message: "is not a cursor of this list; use next_cursor of the page before" }]);
}
