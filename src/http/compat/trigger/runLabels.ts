/** Tags and metadata of runs, as the client's tasks change them: by their HTTP calls. */

import { z } from "@hono/zod-openapi";
import type { Outcome } from "../../../app/errors.ts";
import { ancestorsOf } from "../../../app/executions/ancestors.ts";
import { addTags, changeMetadata, labelsOf } from "../../../app/executions/labels.ts";
import type { MetadataOperation } from "../../../domain/execution/metadataOperation.ts";
import type { Labels, Metadata } from "../../../domain/execution/labels.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { ok } from "../../../domain/result.ts";
import { optional, requiredJson } from "../../fields.ts";
import type { Answer, Endpoint, WorkspaceInput } from "../../operation.ts";
import { jsonBody } from "../../operation.ts";
import { readBody } from "../../readInput.ts";
import { tagList } from "./bodies.ts";
import { executionIdIn, readRun } from "./runs.ts";

/** Bodies of Trigger.dev may have 2 MB; what is stored is bounded by `METADATA_BYTES_MOST`. */
const METADATA_BODY_BYTES_MOST = 2 * 1_024 * 1_024;

const TagsBody = z.object({ tags: tagList() });

export const addRunTags: Endpoint = {
  access: "write",
  contract: { id: "addRunTags", method: "post", path: "/api/v1/runs/{run_id}/tags", body: {} },
  async handle(input) {
    const body = readBody(TagsBody, jsonBody(input));
    if (!body.ok) return body;
    const changed = await addTags(input.services, input.workspaceId, executionIdIn(input), body.value.tags);
    if (!changed.ok) return changed;
    const { added } = changed.value;
    const message = added === 0 ? "No new tags to add" : `Successfully set ${added} new tags.`;
    return ok({ status: 200, body: { message } });
  },
};

export const getRunMetadata: Endpoint = {
  access: "read",
  contract: { id: "getRunMetadata", method: "get", path: "/api/v1/runs/{run_id}/metadata" },
  async handle(input) {
    const execution = await readRun(input);
    if (!execution.ok) return execution;
    const labels = await labelsOf(input.services, input.workspaceId, [execution.value.id]);
    return ok(answerMetadata(labels.get(execution.value.id)));
  },
};

const key = z.string();
const Operation = z.discriminatedUnion("type", [
  z.object({ type: z.literal("set"), key, value: requiredJson() }),
  z.object({ type: z.literal("delete"), key }),
  z.object({ type: z.literal("append"), key, value: requiredJson() }),
  z.object({ type: z.literal("remove"), key, value: requiredJson() }),
  z.object({ type: z.literal("increment"), key, value: z.number() }),
  z.object({ type: z.literal("update"), value: z.record(z.string(), z.unknown()) }),
]);

const operations = optional(z.array(Operation));
const MetadataBody = z.object({
  metadata: optional(z.record(z.string(), z.unknown())),
  operations,
  parentOperations: operations,
  rootOperations: operations,
});

/** The run's own changes first, then those of its parent and of its root; a run without a parent is both itself. */
export const updateRunMetadata: Endpoint = {
  access: "write",
  contract: {
    id: "updateRunMetadata",
    method: "put",
    path: "/api/v1/runs/{run_id}/metadata",
    body: { bytesMost: METADATA_BODY_BYTES_MOST },
  },
  async handle(input) {
    const body = readBody(MetadataBody, jsonBody(input));
    if (!body.ok) return body;
    const { metadata, operations: own, parentOperations, rootOperations } = body.value;
    const id = executionIdIn(input);
    if (metadata == null) {
      const others = await changeAncestors(input, asOperations(parentOperations), asOperations(rootOperations));
      if (!others.ok) return others;
    }
    // What came out of `JSON.parse` is JSON, though the schema says only that it is an object.
    const change = metadata == null ? { operations: asOperations(own) } : { replace: metadata as Metadata };
    const changed = await changeMetadata(input.services, input.workspaceId, id, change);
    return changed.ok ? ok(answerMetadata(changed.value)) : changed;
  },
};

async function changeAncestors(
  input: WorkspaceInput,
  ofParent: readonly MetadataOperation[],
  ofRoot: readonly MetadataOperation[],
): Promise<Outcome<null>> {
  if (ofParent.length === 0 && ofRoot.length === 0) return ok(null);
  const run = await readRun(input);
  if (!run.ok) return run;
  const ancestors = await ancestorsOf(input.services, input.workspaceId, run.value);
  const [parent, root] = [ancestors[0] ?? run.value, ancestors.at(-1) ?? run.value];
  for (const [{ id }, asked] of [
    [parent, ofParent],
    [root, ofRoot],
  ] as const) {
    if (asked.length === 0) continue;
    const changed = await changeMetadata(input.services, input.workspaceId, id, { operations: asked });
    if (!changed.ok) return changed;
  }
  return ok(null);
}

function asOperations(given: z.output<typeof operations>): readonly MetadataOperation[] {
  return (given ?? []) as readonly MetadataOperation[];
}

function answerMetadata(labels: Labels | undefined): Answer {
  const metadata: Readonly<Record<string, JsonValue>> = labels?.metadata ?? {};
  return { status: 200, body: { metadata } };
}
