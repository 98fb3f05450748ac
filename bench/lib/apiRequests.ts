/** Every shape of request that `api` times: the parameters change from one request to the next, the shape does not. */

import { idleJob } from "./carillon.ts";
import type { Seeded } from "./seed.ts";

export interface ApiRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: object;
}

export interface Shape {
  readonly name: string;
  readonly kind: "create" | "get" | "list";
  request(index: number): ApiRequest;
}

const DAY_MS = 24 * 60 * 60 * 1_000;
const LIMIT = 50;
const STATUSES = ["succeeded", "failed", "cancelled", "running", "queued", "waiting"];
const SOURCES = ["schedule", "manual", "replay", "webhook"];

export function apiShapes(seeded: Seeded, random: () => number): readonly Shape[] {
  const { jobIds, executionIds, firstDueMs, lastDueMs } = seeded;
  const pick = <T>(items: readonly T[]): T => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new Error("Nothing to pick from.");
    return item;
  };
  /** A day somewhere in the history. */
  const aDay = () => {
    const fromMs = firstDueMs + Math.floor(random() * (lastDueMs - firstDueMs - DAY_MS));
    return { from: new Date(fromMs).toISOString(), to: new Date(fromMs + DAY_MS).toISOString() };
  };
  const list = (name: string, query: () => Readonly<Record<string, string>>): Shape => ({
    name: `list: ${name}`,
    kind: "list",
    request: () => ({
      method: "GET",
      path: `/v1/executions?${new URLSearchParams({ limit: String(LIMIT), ...query() })}`,
    }),
  });
  const get = (name: string, path: () => string): Shape => ({
    name,
    kind: "get",
    request: () => ({ method: "GET", path: path() }),
  });

  return [
    {
      name: "create a job",
      kind: "create",
      request: (index) => ({
        method: "POST",
        path: "/v1/jobs",
        body: idleJob("http://127.0.0.1:8080/never", `new ${index}`),
      }),
    },
    get("get a job", () => `/v1/jobs/${pick(jobIds)}`),
    get("get an execution", () => `/v1/executions/${pick(executionIds)}`),
    get("list 50 jobs", () => `/v1/jobs?limit=${LIMIT}`),
    list("no filter", () => ({})),
    ...STATUSES.map((status) => list(`status ${status}`, () => ({ status }))),
    ...SOURCES.map((source) => list(`source ${source}`, () => ({ source }))),
    list("from and to, one day", aDay),
    list("one job", () => ({ job_id: pick(jobIds) })),
    list("one job, failed", () => ({ job_id: pick(jobIds), status: "failed" })),
    list("job name of a few", () => ({ job_name: "nightly" })),
    list("job name of most", () => ({ job_name: "sync" })),
    list("job name of none", () => ({ job_name: "no such job" })),
    list("job name, failed, one day", () => ({ job_name: "sync", status: "failed", ...aDay() })),
    list("failed replays", () => ({ status: "failed", source: "replay" })),
    list("succeeded replays", () => ({ status: "succeeded", source: "replay" })),
    list("order asc", () => ({ order: "asc" })),
    list("sort created_at", () => ({ sort: "created_at" })),
    list("sort created_at, order asc", () => ({ sort: "created_at", order: "asc" })),
    list("sort created_at, failed", () => ({ sort: "created_at", status: "failed" })),
    list("offset 1,000", () => ({ offset: "1000" })),
    list("offset 10,000", () => ({ offset: "10000" })),
  ];
}
