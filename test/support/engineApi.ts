/** The engine as its users see it: jobs and executions over the public API, for black-box tests. */

import type { Arrival } from "./targetServer.ts";
import { type ApiResponse, type TestInstance, until } from "./instance.ts";

export interface WireAttempt {
  readonly number: number;
  readonly status: string;
  readonly statusCode: number | null;
  readonly errorClass: string | null;
  readonly startedAt: string;
  readonly late: boolean;
}

export interface WireExecution {
  readonly id: string;
  readonly job_id: string;
  readonly job_version: number;
  readonly status: string;
  readonly source: string;
  readonly scheduled_for: string;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly lateness_ms: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly attempts: readonly WireAttempt[];
}

export interface WireJob {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly created_at: string;
  readonly next_run_at: string | null;
}

/** Far above any noise; a wait ends as soon as its condition holds. */
const DEADLINE_MS = 30_000;
const FINISHED = new Set(["succeeded", "failed", "cancelled"]);
const PAGE = 100;

export function engineApi(instance: Pick<TestInstance, "api">) {
  const must = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer: ApiResponse = await instance.api(method, path, body);
    if (answer.status < 300) return answer.json;
    throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.json)}`);
  };
  const execution = async (id: string) => (await must("GET", `/v1/executions/${id}`)) as WireExecution;

  return {
    must,
    execution,

    /** A `one_time` job with a timeout of two seconds, unless told otherwise. */
    async createJob(url: string, changes: Record<string, unknown> & { request?: Record<string, unknown> } = {}) {
      const { request, ...rest } = changes;
      return (await must("POST", "/v1/jobs", {
        name: "test",
        kind: "one_time",
        ...rest,
        request: { url, timeout_seconds: 2, ...request },
      })) as WireJob;
    },

    runNow: async (jobId: string) => (await must("POST", `/v1/jobs/${jobId}/run-now`)) as WireExecution,

    job: async (jobId: string) => (await must("GET", `/v1/jobs/${jobId}`)) as WireJob,

    /** The execution once it is `status`, by default any that is final. */
    async ended(executionId: string, status?: string, deadlineMs = DEADLINE_MS): Promise<WireExecution> {
      let last: WireExecution | null = null;
      const isThere = async () => {
        last = await execution(executionId);
        return status === undefined ? FINISHED.has(last.status) : last.status === status;
      };
      await until(isThere, deadlineMs, `${executionId} to be ${status ?? "finished"}`).catch((error: unknown) => {
        throw new Error(`${String(error)} It is: ${JSON.stringify(last)}`, { cause: error });
      });
      return last as unknown as WireExecution;
    },

    /** All executions of a job, or of the workspace, without their attempts; oldest due time first. */
    async list(jobId?: string): Promise<Omit<WireExecution, "attempts">[]> {
      const found: WireExecution[] = [];
      let cursor: string | null = null;
      do {
        const base = jobId === undefined ? "/v1/executions" : `/v1/jobs/${jobId}/executions`;
        const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
        const page = (await must("GET", `${base}?limit=${PAGE}&order=asc${query}`)) as {
          data: WireExecution[];
          pagination: { next_cursor: string | null };
        };
        found.push(...page.data);
        cursor = page.pagination.next_cursor;
      } while (cursor !== null);
      return found;
    },

    /** The job's only scheduled execution, once the list has it in a final status. */
    async onlyExecution(jobId: string, deadlineMs = DEADLINE_MS): Promise<WireExecution> {
      let ids: string[] = [];
      const isThere = async () => {
        const scheduled = (await this.list(jobId)).filter((each) => each.source === "schedule");
        ids = scheduled.map((each) => each.id);
        return scheduled.length > 0 && scheduled.every((each) => FINISHED.has(each.status));
      };
      await until(isThere, deadlineMs, `the execution of ${jobId} to be listed as finished`);
      if (ids.length !== 1) throw new Error(`${jobId} has ${ids.length} executions: ${ids.join(", ")}`);
      return await execution(ids[0] ?? "");
    },
  };
}

export type EngineApi = ReturnType<typeof engineApi>;

export function executionIdOf(arrival: Arrival): string {
  return String(arrival.headers["x-cron-service-execution-id"]);
}

export function attemptOf(arrival: Arrival): number {
  return Number(arrival.headers["x-cron-service-attempt"]);
}

export function inFuture(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}
