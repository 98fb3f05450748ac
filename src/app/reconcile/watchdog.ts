/**
 * The watchdog, run by a cron trigger: nothing on the way of an execution needs it, it heals what should not have
 * happened. Definitions that were saved but never reached their actor are applied; jobs whose last due time left no trace
 * in the history, or that have executions which should have ended, are woken, which re-arms an alarm that was lost; bulk
 * actions that stand still are resumed; deleted jobs, old history and what was kept beside it are removed.
 */

import { BULK_LEASE_MS } from "../../domain/bulkAction/bulkAction.ts";
import type { Clock } from "../../domain/clock.ts";
import { scheduleOf } from "../../domain/job/job.ts";
import { latestAtOrBefore } from "../../domain/schedule/schedule.ts";
import type { ExecutionRepository, JobActors, JobRepository } from "../ports.ts";
import type { BatchRepository } from "../ports/batches.ts";
import type { BulkActionRepository, BulkQueue } from "../ports/bulkActions.ts";
import type { WaitTokenRepository } from "../ports/waitTokens.ts";
import { sideBySide } from "../sideBySide.ts";

export interface WatchdogDeps {
  readonly clock: Clock;
  readonly jobs: JobRepository;
  readonly executions: ExecutionRepository;
  readonly batches: Pick<BatchRepository, "prune">;
  readonly waitTokens: Pick<WaitTokenRepository, "prune">;
  readonly bulkActions: Pick<BulkActionRepository, "listStalled" | "prune">;
  readonly bulkQueue: BulkQueue;
  readonly actors: JobActors;
  /** 0 keeps the history for ever. */
  readonly retentionDays: number;
  readonly report: (event: string, error: unknown) => void;
}

export interface WatchdogReport {
  readonly applied: number;
  readonly woken: number;
  /** Jobs with executions that have been under way for long; almost always for good reasons. */
  readonly nudged: number;
  readonly resumed: number;
  readonly purged: number;
  /** Executions. */
  readonly pruned: number;
  /** Batches, wait tokens and bulk actions. */
  readonly prunedRecords: number;
}

/** A save that is younger may still be on its way. */
const UNAPPLIED_AFTER_MS = 30_000;
/** A due time that is older and left no trace is suspicious; the platform's own tail for an alarm is a minute. */
const OVERDUE_AFTER_MS = 90_000;
/**
 * An execution that was due so long ago and has not ended is worth a look, beyond the longest pause between two messages
 * (5 min). Often it just takes its time, and then the look costs one call and changes nothing.
 */
const STALLED_AFTER_MS = 10 * 60_000;
/** Bounds of one run, far below the 15 minutes and 1,000 queries that the platform allows it. */
const JOBS_PER_PAGE = 500;
const PAGES_MOST = 40;
const UNAPPLIED_MOST = 500;
const DELETED_MOST = 20;
const EXECUTIONS_PER_PURGE = 5_000;
const EXECUTIONS_PER_PRUNE = 5_000;
const PRUNES_MOST = 20;
const STALLED_JOBS_MOST = 500;
const STALLED_ACTIONS_MOST = 100;
/** Of each kind: a batch may have 100 KB, a bulk action 100,000 executions. */
const RECORDS_PER_PRUNE = 1_000;
const WAKES_AT_A_TIME = 20;

export async function runWatchdog(deps: WatchdogDeps): Promise<WatchdogReport> {
  return {
    applied: await part("watchdog.apply_failed", deps, () => applyUnapplied(deps)),
    woken: await part("watchdog.wake_failed", deps, () => wakeOverdue(deps)),
    nudged: await part("watchdog.nudge_failed", deps, () => nudgeStalled(deps)),
    resumed: await part("watchdog.resume_failed", deps, () => resumeStalled(deps)),
    purged: await part("watchdog.purge_failed", deps, () => purgeDeleted(deps)),
    pruned: await part("watchdog.prune_failed", deps, () => pruneHistory(deps)),
    prunedRecords: await part("watchdog.prune_records_failed", deps, () => pruneRecords(deps)),
  };
}

/** One part that fails must not keep the others from running. */
async function part(event: string, deps: WatchdogDeps, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    deps.report(event, error);
    return 0;
  }
}

async function applyUnapplied(deps: WatchdogDeps): Promise<number> {
  const jobs = await deps.jobs.listUnapplied(deps.clock.now() - UNAPPLIED_AFTER_MS, UNAPPLIED_MOST);
  return each(jobs, async (job) => {
    await deps.actors.of(job.id).apply(job);
    await deps.jobs.markApplied(job.id, job.version);
  });
}

async function wakeOverdue(deps: WatchdogDeps): Promise<number> {
  let woken = 0;
  let after: string | null = null;
  for (let page = 0; page < PAGES_MOST; page++) {
    const active: Awaited<ReturnType<JobRepository["listActive"]>> = await deps.jobs.listActive(after, JOBS_PER_PAGE);
    const overdue = active.filter(({ job, lastScheduledForMs }) => {
      const schedule = scheduleOf(job);
      const dueMs = latestAtOrBefore(schedule, deps.clock.now() - OVERDUE_AFTER_MS, job.scheduleFromMs);
      return dueMs !== null && (lastScheduledForMs ?? 0) < dueMs;
    });
    // Applying the version that it has already makes an actor catch up and arm its alarm, and changes nothing else.
    woken += await each(overdue, ({ job }) => deps.actors.of(job.id).apply(job));
    const last = active.at(-1);
    if (!last || active.length < JOBS_PER_PAGE) break;
    after = last.job.id;
  }
  return woken;
}

async function nudgeStalled(deps: WatchdogDeps): Promise<number> {
  const jobs = await deps.jobs.listStalled(deps.clock.now() - STALLED_AFTER_MS, STALLED_JOBS_MOST);
  return each(jobs, (job) => deps.actors.of(job.id).apply(job));
}

/** A slice whose worker died, or whose message was lost. */
async function resumeStalled(deps: WatchdogDeps): Promise<number> {
  const stalled = await deps.bulkActions.listStalled(deps.clock.now() - BULK_LEASE_MS, STALLED_ACTIONS_MOST);
  return each(stalled, (id) => deps.bulkQueue.send(id));
}

async function purgeDeleted(deps: WatchdogDeps): Promise<number> {
  const ids = await deps.jobs.listDeleted(DELETED_MOST);
  let purged = 0;
  for (const id of ids) {
    await deps.actors.of(id).erase();
    if (await deps.jobs.purge(id, EXECUTIONS_PER_PURGE)) purged += 1;
  }
  return purged;
}

async function pruneHistory(deps: WatchdogDeps): Promise<number> {
  if (deps.retentionDays === 0) return 0;
  const beforeMs = retainedFromMs(deps);
  let pruned = 0;
  for (let turn = 0; turn < PRUNES_MOST; turn++) {
    const removed = await deps.executions.prune(beforeMs, EXECUTIONS_PER_PRUNE);
    pruned += removed;
    if (removed < EXECUTIONS_PER_PRUNE) break;
  }
  return pruned;
}

/** What is kept beside the history goes with the history that it is about; what is still open stays. */
async function pruneRecords(deps: WatchdogDeps): Promise<number> {
  if (deps.retentionDays === 0) return 0;
  const beforeMs = retainedFromMs(deps);
  const batches = await deps.batches.prune(beforeMs, RECORDS_PER_PRUNE);
  const tokens = await deps.waitTokens.prune(beforeMs, deps.clock.now(), RECORDS_PER_PRUNE);
  const actions = await deps.bulkActions.prune(beforeMs, RECORDS_PER_PRUNE);
  return batches + tokens + actions;
}

function retainedFromMs({ clock, retentionDays }: WatchdogDeps): number {
  return clock.now() - retentionDays * 86_400_000;
}

/** How many there were. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<number> {
  return (await sideBySide(items, WAKES_AT_A_TIME, work)).length;
}
