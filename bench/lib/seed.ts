/** Fills the history with executions as a busy month leaves them, the same in every run but for its ids. */

import { toExecutionRow } from "../../src/db/executionRow.ts";
import type { Execution, ExecutionSource, ExecutionStatus } from "../../src/domain/execution/execution.ts";
import { requestedExecutionId, scheduledExecutionId } from "../../src/domain/ids.ts";
import type { Carillon } from "./carillon.ts";
import { createJobs, idleJob } from "./carillon.ts";
import { seededRandom } from "./stats.ts";

export interface Seeded {
  readonly jobIds: readonly string[];
  readonly executionIds: readonly string[];
  readonly firstDueMs: number;
  readonly lastDueMs: number;
}

const JOBS = 200;
const DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Rows of one INSERT: about 1 MB of JSON. */
const ROWS_MOST = 2_000;
const SEED = 20_261_121;

/** Shares of all executions, in the order in which they are drawn. */
const STATUSES: readonly (readonly [ExecutionStatus, number])[] = [
  ["succeeded", 0.93],
  ["failed", 0.05],
  ["cancelled", 0.015],
  ["running", 0.003],
  ["queued", 0.002],
];
const SOURCES: readonly (readonly [ExecutionSource, number])[] = [
  ["schedule", 0.9],
  ["manual", 0.06],
  ["webhook", 0.03],
  ["replay", 0.01],
];

export async function seed(carillon: Carillon, executions: number): Promise<Seeded> {
  const random = seededRandom(SEED);
  const names = Array.from({ length: JOBS }, (_, index) => `${index % 20 === 0 ? "nightly" : "sync"}-${index}`);
  const { ids: jobIds } = await createJobs(
    carillon,
    names.map((name) => idleJob("http://127.0.0.1:8080/never", name)),
  );
  const lastDueMs = Date.now();
  const firstDueMs = lastDueMs - DAYS * DAY_MS;
  const executionIds: string[] = [];
  for (let from = 0; from < executions; from += ROWS_MOST) {
    const chunk = Array.from({ length: Math.min(ROWS_MOST, executions - from) }, (_, offset) => {
      const index = from + offset;
      const job = { id: jobIds[index % JOBS] ?? "", name: names[index % JOBS] ?? "" };
      const dueMs = firstDueMs + Math.floor((index / executions) * DAYS * DAY_MS);
      return anExecution(job, carillon.workspaceId, dueMs, random);
    });
    executionIds.push(...chunk.map(({ id }) => id));
    await insert(carillon, chunk);
  }
  return { jobIds, executionIds, firstDueMs, lastDueMs };
}

async function insert(carillon: Carillon, executions: readonly Execution[]): Promise<void> {
  const rows = executions.map(toExecutionRow);
  const columns = Object.keys(rows[0] ?? {});
  const sql =
    `INSERT INTO executions (${columns.join(", ")}) ` +
    `SELECT ${columns.map((column) => `value ->> '${column}'`).join(", ")} FROM json_each(?1)`;
  const answer = await fetch(`${carillon.url}/bench/insert`, { method: "POST", body: JSON.stringify({ sql, rows }) });
  if (!answer.ok) throw new Error(`The history could not be seeded: ${await answer.text()}`);
}

function anExecution(
  job: { readonly id: string; readonly name: string },
  workspaceId: string,
  dueMs: number,
  random: () => number,
): Execution {
  const status = draw(STATUSES, random());
  const source = draw(SOURCES, random());
  const hasStarted = status !== "queued";
  const isOver = status !== "queued" && status !== "running";
  const failed = status === "failed";
  const attempt = {
    number: 1,
    status: failed ? ("HTTP_ERROR" as const) : ("SUCCESS" as const),
    statusCode: failed ? 500 : 200,
    startedAtMs: dueMs + 10,
    latencyMs: 40,
    bodyPreview: '{"ok":true}',
    responseHeaders: { "content-type": "application/json", "content-length": "11" },
    errorClass: failed ? "http_status" : null,
    errorMessage: failed ? "The target answered 500." : null,
    failedRules: [],
    late: false,
  };
  return {
    id: source === "schedule" ? scheduledExecutionId(job.id, dueMs) : requestedExecutionId(job.id, dueMs, random),
    jobId: job.id,
    workspaceId,
    jobName: job.name,
    jobVersion: 1,
    status,
    source,
    scheduledForMs: dueMs,
    // Mostly in the order of due times, as it is after a misfire.
    createdAtMs: dueMs + Math.floor(random() * 5_000),
    startedAtMs: hasStarted ? dueMs + 10 : null,
    finishedAtMs: isOver ? dueMs + 50 : null,
    replayedFrom: null,
    parent: null,
    workflow: null,
    start: null,
    attempts: isOver ? [attempt] : [],
    output: null,
    error: failed ? { code: "http_status", message: "The target answered 500." } : null,
    rev: isOver ? 5 : 2,
  };
}

function draw<T>(shares: readonly (readonly [T, number])[], at: number): T {
  let rest = at;
  for (const [value, share] of shares) {
    rest -= share;
    if (rest < 0) return value;
  }
  const [first] = shares;
  if (first === undefined) throw new Error("Nothing to draw from.");
  return first[0];
}
