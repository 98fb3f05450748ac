/** `tasks.batchTrigger` of clients that hand the whole batch in with one call. */

import { z } from "@hono/zod-openapi";
import { addItems } from "../../../app/batches/addItems.ts";
import { createBatch } from "../../../app/batches/createBatch.ts";
import { viewBatch } from "../../../app/batches/viewBatch.ts";
import type { BatchView } from "../../../app/batches/viewBatch.ts";
import type { Outcome } from "../../../app/errors.ts";
import { ok } from "../../../domain/result.ts";
import type { Endpoint, WorkspaceInput } from "../../operation.ts";
import { jsonBody } from "../../operation.ts";
import { readBody } from "../../readInput.ts";
import { toRunId } from "../ids.ts";
import { BatchItem, ITEMS_BYTES_MOST, readItems, toGivenItem } from "./batches.ts";

const Items = z.object({ items: z.array(BatchItem).min(1) });

/** Of clients of 4.0 to 4.3.0. */
export const batchTriggerV2: Endpoint = {
  access: "write",
  contract: {
    id: "batchTriggerV2",
    method: "post",
    path: "/api/v2/tasks/batch",
    body: { bytesMost: ITEMS_BYTES_MOST },
  },
  async handle(input) {
    const batch = await triggerAll(input);
    return batch.ok
      ? ok({ status: 202, body: { id: batch.value.view.id, runCount: batch.value.view.runCount } })
      : batch;
  },
};

/** Of clients before 4, which read the runs from the answer. */
export const batchTriggerV1: Endpoint = {
  access: "write",
  contract: {
    id: "batchTriggerV1",
    method: "post",
    path: "/api/v1/tasks/batch",
    body: { bytesMost: ITEMS_BYTES_MOST },
  },
  async handle(input) {
    const batch = await triggerAll(input);
    if (!batch.ok) return batch;
    const { view, isCached, tasks } = batch.value;
    const failed = new Set(view.errors.map(({ index }) => index));
    const started = tasks.filter((_, index) => !failed.has(index));
    const runs = view.runs.map((id, at) => ({ id: toRunId(id), taskIdentifier: started[at] ?? "", isCached }));
    return ok({ status: 200, body: { id: view.id, isCached, runs } });
  },
};

interface Triggered {
  readonly view: BatchView;
  readonly isCached: boolean;
  /** Of the items, in their order. */
  readonly tasks: readonly string[];
}

async function triggerAll(input: WorkspaceInput): Promise<Outcome<Triggered>> {
  const body = readBody(Items, jsonBody(input));
  if (!body.ok) return body;
  const { services, workspaceId, headers } = input;
  const nowMs = services.clock.now();
  const items = readItems(body.value.items, (item, index) => toGivenItem({ ...item, index }, nowMs));
  if (!items.ok) return items;
  const key = headers.get("idempotency-key");
  const wanted = { runCount: items.value.length, ...(key === null ? {} : { idempotencyKey: key }) };
  const batch = await createBatch(services, workspaceId, wanted);
  if (!batch.ok) return batch;
  // Also for a batch that was there: its first call may have ended before it handed everything in.
  const added = await addItems(services, workspaceId, batch.value.id, items.value);
  if (!added.ok) return added;
  const view = await viewBatch(services, workspaceId, batch.value.id);
  if (!view.ok) return view;
  return ok({ view: view.value, isCached: batch.value.isCached, tasks: body.value.items.map(({ task }) => task) });
}
