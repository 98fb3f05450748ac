/** `tasks.batchTrigger` in its two calls, and `batch.retrieve`. */

import { z } from "@hono/zod-openapi";
import { addItems } from "../../../app/batches/addItems.ts";
import type { GivenItem } from "../../../app/batches/addItems.ts";
import { createBatch } from "../../../app/batches/createBatch.ts";
import { viewBatch } from "../../../app/batches/viewBatch.ts";
import type { BatchView } from "../../../app/batches/viewBatch.ts";
import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import { BATCH_ITEMS_MOST } from "../../../domain/batch/batch.ts";
import type { FieldIssue } from "../../../domain/issue.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { ok } from "../../../domain/result.ts";
import { anyJson, optional, wholeNumber } from "../../fields.ts";
import type { Endpoint } from "../../operation.ts";
import { anyBody, jsonBody } from "../../operation.ts";
import { readBody } from "../../readInput.ts";
import { iso } from "../../time.ts";
import { toRunId } from "../ids.ts";
import { idempotencyKey } from "./bodies.ts";
import { readNdjson } from "./ndjson.ts";
import { TriggerOptions, readTrigger } from "./triggerOptions.ts";

/** Of all items together; what is larger comes in several batches. */
export const ITEMS_BYTES_MOST = 10 * 1_024 * 1_024;

const NewBatchBody = z.object({
  runCount: wholeNumber(1, BATCH_ITEMS_MOST),
  idempotencyKey: optional(idempotencyKey()),
});

/** The first of two calls: how many items will come. */
export const createBatchOf: Endpoint = {
  access: "write",
  contract: { id: "createBatch", method: "post", path: "/api/v3/batches", body: {} },
  async handle(input) {
    const body = readBody(NewBatchBody, jsonBody(input));
    if (!body.ok) return body;
    const { runCount, idempotencyKey: key } = body.value;
    const wanted = { runCount, ...(key == null ? {} : { idempotencyKey: key }) };
    const batch = await createBatch(input.services, input.workspaceId, wanted);
    if (!batch.ok) return batch;
    return ok({ status: 202, body: { ...batch.value, ...(key == null ? {} : { idempotencyKey: key }) } });
  },
};

export const BatchItem = z.object({
  task: z.string(),
  payload: optional(anyJson()),
  options: optional(TriggerOptions),
});
const NumberedItem = BatchItem.extend({ index: wholeNumber(0, BATCH_ITEMS_MOST - 1) });

/** The second: the items, one on each line. It may be repeated, also in part: an item starts one run. */
export const addBatchItems: Endpoint = {
  access: "write",
  contract: {
    id: "addBatchItems",
    method: "post",
    path: "/api/v3/batches/{batch_id}/items",
    body: { any: true, bytesMost: ITEMS_BYTES_MOST },
  },
  async handle(input) {
    const lines = readNdjson(anyBody(input).bytes);
    if (!lines.ok) return invalid([lines.error]);
    const nowMs = input.services.clock.now();
    const items = readItems(lines.value, (line) => readItem(line, nowMs));
    if (!items.ok) return items;
    const added = await addItems(input.services, input.workspaceId, input.id, items.value);
    if (!added.ok) return added;
    const { accepted, deduplicated, sealed } = added.value;
    if (sealed) {
      const body = { id: input.id, itemsAccepted: accepted, itemsDeduplicated: deduplicated, sealed };
      return ok({ status: 200, body });
    }
    // The client sends them once more when it reads that some are missing.
    const view = await viewBatch(input.services, input.workspaceId, input.id);
    if (!view.ok) return view;
    const { runs, errors, runCount } = view.value;
    const counts = { enqueuedCount: runs.length + errors.length, expectedCount: runCount };
    return ok({
      status: 200,
      body: { id: input.id, itemsAccepted: accepted, itemsDeduplicated: deduplicated, sealed, ...counts },
    });
  },
};

/** Every item, or every complaint about them. */
export function readItems<Given>(
  given: readonly Given[],
  readItem: (given: Given, index: number) => Outcome<GivenItem>,
): Outcome<readonly GivenItem[]> {
  const items: GivenItem[] = [];
  const issues: FieldIssue[] = [];
  for (const [at, each] of given.entries()) {
    const item = readItem(each, at);
    if (item.ok) items.push(item.value);
    else if (item.error.code === "invalid_request") issues.push(...item.error.issues.map((issue) => inItem(at, issue)));
    else return item;
  }
  return issues.length > 0 ? invalid(issues) : ok(items);
}

function readItem(line: JsonValue, nowMs: number): Outcome<GivenItem> {
  const item = readBody(NumberedItem, line);
  return item.ok ? toGivenItem(item.value, nowMs) : item;
}

export function toGivenItem(
  { index, task, payload, options }: z.output<typeof NumberedItem>,
  nowMs: number,
): Outcome<GivenItem> {
  const trigger = readTrigger(task, { payload, options }, { nowMs });
  if (!trigger.ok) return trigger;
  const { request, labels } = trigger.value;
  return ok({ index, jobIdOrName: task, request, ...labels });
}

function inItem(at: number, { path, message }: FieldIssue): FieldIssue {
  return { path: path === "" ? `items[${at}]` : `items[${at}].${path}`, message };
}

export const retrieveBatch: Endpoint = retrieveAt("retrieveBatch", "/api/v2/batches/{batch_id}");
export const retrieveBatchV1: Endpoint = retrieveAt("retrieveBatchV1", "/api/v1/batches/{batch_id}");

/** Newer clients read `processing`, older ones pass it over. */
function retrieveAt(id: string, path: string): Endpoint {
  return {
    access: "read",
    contract: { id, method: "get", path },
    async handle(input) {
      const batch = await viewBatch(input.services, input.workspaceId, input.id);
      return batch.ok ? ok({ status: 200, body: toBatch(batch.value) }) : batch;
    },
  };
}

export function toBatch(batch: BatchView) {
  const { id, status, idempotencyKey: key, createdAtMs, updatedAtMs, runCount, runs, errors } = batch;
  return {
    id,
    status,
    ...(key === null ? {} : { idempotencyKey: key }),
    createdAt: iso(createdAtMs),
    updatedAt: iso(updatedAtMs),
    runCount,
    runs: runs.map(toRunId),
    processing: {
      ...(status === "COMPLETED" || status === "PARTIAL_FAILED" ? { completedAt: iso(updatedAtMs) } : {}),
      errors: errors.map(({ index, task, message, code }) => ({
        index,
        taskIdentifier: task,
        error: message,
        errorCode: code,
      })),
    },
  };
}
