/**
 * The books of a run that went through crashes: what was due, what the history says, and what the target saw. `audit`
 * names everything in which they disagree.
 */

import { attemptOf, type EngineApi, executionIdOf, type WireExecution, type WireJob } from "./engineApi.ts";
import type { Arrival } from "./targetServer.ts";

export interface LedgerJob {
  readonly job: WireJob;
  /** Due times up to `untilMs`. */
  readonly dueUntil: (untilMs: number) => readonly number[];
  readonly overlapPolicy: string;
  /** Whether its target answers in the end. */
  readonly mayFail: boolean;
}

export interface Ledger {
  readonly jobs: readonly LedgerJob[];
  readonly arrivals: readonly Arrival[];
  /** Executions whose creation by run-now was acknowledged. */
  readonly acknowledged: readonly string[];
  /** Due times after this moment are not judged: their time has not come. */
  readonly untilMs: number;
}

export interface Audit {
  /** Sentences, each with the id that it is about. */
  readonly complaints: readonly { readonly about: string; readonly text: string }[];
  readonly counts: {
    readonly executions: number;
    readonly arrivals: number;
    /** Arrivals beyond the first of their execution, by the reason that the attempts give. */
    readonly repeatedAfterLostWorker: number;
    readonly repeatedAfterFailure: number;
    readonly statuses: Readonly<Record<string, number>>;
  };
}

const FINAL = new Set(["succeeded", "failed", "cancelled"]);
const READS_AT_A_TIME = 20;

export async function audit(api: EngineApi, ledger: Ledger): Promise<Audit> {
  const complaints: { about: string; text: string }[] = [];
  const complain = (about: string, text: string) => void complaints.push({ about, text });
  const listed = await api.list();
  const executions = new Map<string, WireExecution>();
  for (let start = 0; start < listed.length; start += READS_AT_A_TIME) {
    const some = listed.slice(start, start + READS_AT_A_TIME);
    for (const each of await Promise.all(some.map(({ id }) => api.execution(id)))) executions.set(each.id, each);
  }
  const arrivalsOf = Map.groupBy(ledger.arrivals, executionIdOf);

  for (const entry of ledger.jobs) complainAboutDueTimes(entry, [...executions.values()], ledger.untilMs, complain);
  for (const id of ledger.acknowledged)
    if (!executions.has(id)) complain(id, "was acknowledged by run-now and is gone");
  for (const id of arrivalsOf.keys()) if (!executions.has(id)) complain(id, "arrived and is not in the history");

  let repeatedAfterLostWorker = 0;
  let repeatedAfterFailure = 0;
  const statuses: Record<string, number> = {};
  const jobs = new Map(ledger.jobs.map((entry) => [entry.job.id, entry]));
  for (const execution of executions.values()) {
    if (Date.parse(execution.scheduled_for) > ledger.untilMs) continue;
    statuses[execution.status] = (statuses[execution.status] ?? 0) + 1;
    const arrivals = arrivalsOf.get(execution.id) ?? [];
    complainAboutEnd(execution, arrivals, jobs.get(execution.job_id), complain);
    const numbers = arrivals.map(attemptOf);
    if (new Set(numbers).size !== numbers.length)
      complain(execution.id, `sent an attempt twice: ${numbers.join(", ")}`);
    const latest = Math.max(...numbers);
    for (const number of numbers) {
      const attempt = execution.attempts[number - 1];
      if (!attempt) complain(execution.id, `the target saw attempt ${number}, which the history does not have`);
      if (number === latest || !attempt) continue;
      if (attempt.errorClass === "worker_lost" || attempt.late) repeatedAfterLostWorker += 1;
      else if (attempt.status !== "SUCCESS") repeatedAfterFailure += 1;
      else complain(execution.id, `was sent again after attempt ${number}, which had succeeded`);
    }
  }
  return {
    complaints,
    counts: {
      executions: executions.size,
      arrivals: ledger.arrivals.length,
      repeatedAfterLostWorker,
      repeatedAfterFailure,
      statuses,
    },
  };
}

type Complain = (about: string, text: string) => void;

/** Every due time has exactly one execution, and nothing else has one. */
function complainAboutDueTimes(
  entry: LedgerJob,
  executions: readonly WireExecution[],
  untilMs: number,
  complain: Complain,
): void {
  const due = new Set(entry.dueUntil(untilMs));
  const fired = executions
    .filter((each) => each.job_id === entry.job.id && each.source === "schedule")
    .map((each) => Date.parse(each.scheduled_for))
    .filter((dueMs) => dueMs <= untilMs);
  for (const dueMs of due) {
    const count = fired.filter((each) => each === dueMs).length;
    if (count !== 1) complain(entry.job.id, `${new Date(dueMs).toISOString()} has ${count} executions`);
  }
  for (const dueMs of fired) {
    if (!due.has(dueMs)) complain(entry.job.id, `fired for ${new Date(dueMs).toISOString()}, which was not due`);
  }
}

function complainAboutEnd(
  execution: WireExecution,
  arrivals: readonly Arrival[],
  entry: LedgerJob | undefined,
  complain: Complain,
): void {
  const { id, status, error } = execution;
  if (!FINAL.has(status)) complain(id, `is stuck: ${status}`);
  if (status === "succeeded" && arrivals.length === 0) complain(id, "succeeded, and the target never saw it");
  if (status === "failed" && entry?.mayFail !== true && error?.code !== "worker_lost") {
    complain(id, `failed with ${error?.code}, though its target answers`);
  }
  if (status === "cancelled") {
    const expected = { skip: "skipped_overlap", cancel_running: "cancelled_overlap" }[entry?.overlapPolicy ?? ""];
    if (error?.code !== expected) complain(id, `was cancelled (${error?.code}) under overlap ${entry?.overlapPolicy}`);
  }
}

/** What happened around the executions and jobs that an audit complains about, in the order of time. */
export function timeline(
  complaints: Audit["complaints"],
  ledger: Pick<Ledger, "arrivals">,
  events: readonly { readonly atMs: number; readonly text: string }[],
): string {
  const concerned = new Set(complaints.map(({ about }) => about));
  const arrivals = ledger.arrivals
    .filter(
      (each) => concerned.has(executionIdOf(each)) || concerned.has(String(each.headers["x-cron-service-job-id"])),
    )
    .map((each) => ({ atMs: each.atMs, text: `arrival of attempt ${attemptOf(each)} of ${executionIdOf(each)}` }));
  return [...events, ...arrivals]
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ atMs, text }) => `${new Date(atMs).toISOString()}  ${text}`)
    .join("\n");
}
