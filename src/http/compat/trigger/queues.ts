/** `queues.*`: each job has one queue, whose concurrency is the job's. */

import { z } from "@hono/zod-openapi";
import type { Outcome } from "../../../app/errors.ts";
import { findTask } from "../../../app/jobs/findTask.ts";
import { overrideConcurrency, setQueuePaused, viewQueue } from "../../../app/jobs/jobQueue.ts";
import type { QueueView } from "../../../app/jobs/jobQueue.ts";
import { listDefinitions } from "../../../app/jobs/listDefinitions.ts";
import { err, ok } from "../../../domain/result.ts";
import { oneOf, wholeNumber } from "../../fields.ts";
import type { Answer, Endpoint, WorkspaceInput } from "../../operation.ts";
import { jsonBody, param } from "../../operation.ts";
import { readBody } from "../../readInput.ts";
import { iso } from "../../time.ts";
import { fromQueueId, toQueueId } from "./ids.ts";
import { readOffsetPage, toOffsetPagination } from "./pageQuery.ts";
import { absent } from "./refusal.ts";

/** Each queue of a page is asked of its job's actor. */
const PER_PAGE_DEFAULT = 25;

/** How a queue is named: by its id, or by the name of its task. */
const QUEUE_TYPES = ["id", "task", "custom"] as const;
type QueueType = (typeof QUEUE_TYPES)[number];
const type = oneOf(QUEUE_TYPES).default("id");

export const listQueues: Endpoint = {
  access: "read",
  contract: { id: "listQueues", method: "get", path: "/api/v1/queues" },
  async handle({ services, workspaceId, query }) {
    const page = readOffsetPage(query, PER_PAGE_DEFAULT);
    if (!page.ok) return page;
    const offset = (page.value.page - 1) * page.value.perPage;
    const found = await listDefinitions(services, workspaceId, "too", { limit: page.value.perPage, offset });
    if (!found.ok) return found;
    const views = await Promise.all(found.value.jobs.map(({ id }) => viewQueue(services, workspaceId, id)));
    const data: object[] = [];
    for (const view of views) {
      if (view.ok) data.push(toQueue(view.value));
      // One that was deleted meanwhile is not listed.
      else if (view.error.code !== "not_found") return view;
    }
    return ok({ status: 200, body: { data, pagination: toOffsetPagination(page.value, found.value.total) } });
  },
};

export const retrieveQueue: Endpoint = {
  access: "read",
  contract: { id: "retrieveQueue", method: "get", path: "/api/v1/queues/{queue}" },
  async handle(input) {
    const asked = readBody(z.object({ type }), Object.fromEntries(input.query));
    if (!asked.ok) return asked;
    return await answerQueue(input, asked.value.type, (jobId) => viewQueue(input.services, input.workspaceId, jobId));
  },
};

const PauseBody = z.object({ type, action: oneOf(["pause", "resume"]) });

export const pauseQueue: Endpoint = {
  access: "write",
  contract: { id: "pauseQueue", method: "post", path: "/api/v1/queues/{queue}/pause", body: {} },
  async handle(input) {
    const body = readBody(PauseBody, jsonBody(input));
    if (!body.ok) return body;
    const isPause = body.value.action === "pause";
    return await answerQueue(input, body.value.type, (jobId) =>
      setQueuePaused(input.services, input.workspaceId, jobId, isPause),
    );
  },
};

const OverrideBody = z.object({ type, concurrencyLimit: wholeNumber(1, 100) });

export const overrideQueue: Endpoint = {
  access: "write",
  contract: {
    id: "overrideQueueConcurrency",
    method: "post",
    path: "/api/v1/queues/{queue}/concurrency/override",
    body: {},
  },
  async handle(input) {
    const body = readBody(OverrideBody, jsonBody(input));
    if (!body.ok) return body;
    const { concurrencyLimit } = body.value;
    return await answerQueue(input, body.value.type, (jobId) =>
      overrideConcurrency(input.services, input.workspaceId, jobId, concurrencyLimit),
    );
  },
};

/** Back to the job's own `concurrency_limit`. */
export const resetQueue: Endpoint = {
  access: "write",
  contract: {
    id: "resetQueueConcurrency",
    method: "post",
    path: "/api/v1/queues/{queue}/concurrency/reset",
    body: { optional: true },
  },
  async handle(input) {
    const body = readBody(z.object({ type }), jsonBody(input));
    if (!body.ok) return body;
    return await answerQueue(input, body.value.type, (jobId) =>
      overrideConcurrency(input.services, input.workspaceId, jobId, null),
    );
  },
};

async function answerQueue(
  input: WorkspaceInput,
  named: QueueType,
  act: (jobId: string) => Promise<Outcome<QueueView>>,
): Promise<Outcome<Answer>> {
  // The client escapes a slash before it escapes the whole name.
  const text = param(input, "queue").replaceAll(/%2F/gi, "/");
  const jobId = await jobIdOf(input, named, text);
  if (!jobId.ok && jobId.error.code !== "not_found") return jobId;
  const view = jobId.ok ? await act(jobId.value) : err(jobId.error);
  if (view.ok) return ok({ status: 200, body: toQueue(view.value) });
  if (view.error.code !== "not_found") return view;
  return ok(absent(`There is no queue ${JSON.stringify(text)}: each job has one, under the job's name.`));
}

/** A queue by its id, also where only a name would do: whoever read an id may hand it on. */
async function jobIdOf(input: WorkspaceInput, named: QueueType, text: string): Promise<Outcome<string>> {
  const byId = named === "id" || text.startsWith("queue_") ? fromQueueId(text) : null;
  if (byId !== null) return ok(byId);
  const task = await findTask(input.services, input.workspaceId, text.replace(/^task\//, ""));
  return task.ok ? ok(task.value.id) : task;
}

export function toQueue({ job, running, queued }: QueueView) {
  const { id, name, queuePaused, concurrencyLimit, concurrencyOverride } = job;
  return {
    id: toQueueId(id),
    name,
    type: "task",
    running,
    queued,
    paused: queuePaused,
    concurrencyLimit: concurrencyOverride?.limit ?? concurrencyLimit,
    concurrency: {
      current: concurrencyOverride?.limit ?? concurrencyLimit,
      base: concurrencyLimit,
      override: concurrencyOverride?.limit ?? null,
      overriddenAt: concurrencyOverride === null ? null : iso(concurrencyOverride.atMs),
      overriddenBy: null,
    },
  };
}
