/** Tags and metadata of executions: kept beside the history, unknown to the engine. */

import type { Labels, Metadata } from "../../domain/execution/labels.ts";
import {
  distinctTags,
  METADATA_BYTES_MOST,
  metadataBytes,
  tagIssues,
  TAGS_MOST,
} from "../../domain/execution/labels.ts";
import type { MetadataOperation } from "../../domain/execution/metadataOperation.ts";
import { applyOperations } from "../../domain/execution/metadataOperation.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { invalid, refused } from "../errors.ts";
import type { LabelOwner, StoredLabels } from "../ports/labels.ts";
import type { Services } from "../services.ts";
import { getExecution } from "./getExecution.ts";

type LabelServices = Pick<Services, "labels" | "clock">;

/** Changes of one execution's labels at the same moment are rare; a sixth lost race says that something else is wrong. */
const TRIES = 6;

export interface NewLabels {
  readonly tags: readonly string[];
  readonly metadata: Metadata | null;
}

/** Labels as they may be stored, or why they may not. Nothing of them is written. */
export function checkLabels({ tags, metadata }: NewLabels): Outcome<NewLabels> {
  const distinct = distinctTags(tags);
  const issues = tagIssues(tags);
  if (issues.length > 0) return invalid(issues);
  if (distinct.length > TAGS_MOST) return tooManyTags(distinct.length);
  if (metadata !== null && metadataBytes(metadata) > METADATA_BYTES_MOST) return metadataTooLarge();
  return ok({ tags: distinct, metadata });
}

/**
 * Gives an execution its first labels. Call it before the start, with an id of the caller's making, so that an execution
 * that has started never lacks them. Repeatable: labels that are there already stay. Without tags and metadata nothing
 * is written.
 */
export async function setLabels(
  services: LabelServices,
  workspaceId: string,
  owner: LabelOwner,
  given: NewLabels,
): Promise<Outcome<Labels>> {
  const checked = checkLabels(given);
  if (!checked.ok) return checked;
  const labels = { ...checked.value, updatedAtMs: services.clock.now() };
  if (hasLabels(labels)) await services.labels.insert(workspaceId, [{ owner, labels }]);
  return ok(labels);
}

export function hasLabels({ tags, metadata }: NewLabels): boolean {
  return tags.length > 0 || metadata !== null;
}

/** Of those that have any. */
export async function labelsOf(
  services: Pick<Services, "labels">,
  workspaceId: string,
  executionIds: readonly string[],
): Promise<ReadonlyMap<string, Labels>> {
  return executionIds.length === 0 ? new Map() : await services.labels.find(workspaceId, executionIds);
}

/** Adds the tags that the execution does not have; `added` is how many those were. */
export async function addTags(
  services: Services,
  workspaceId: string,
  executionId: string,
  tags: readonly string[],
): Promise<Outcome<{ readonly added: number; readonly labels: Labels }>> {
  const issues = tagIssues(tags);
  if (issues.length > 0) return invalid(issues);
  let added = 0;
  const labels = await changeLabels(services, workspaceId, executionId, (before) => {
    const next = distinctTags([...before.tags, ...tags]);
    added = next.length - before.tags.length;
    if (next.length > TAGS_MOST) return tooManyTags(next.length);
    return ok(added === 0 ? null : { ...before, tags: next });
  });
  return labels.ok ? ok({ added, labels: labels.value }) : labels;
}

/** Puts other metadata in place of an execution's, or changes single members of it, in the order of the operations. */
export async function changeMetadata(
  services: Services,
  workspaceId: string,
  executionId: string,
  change: { readonly replace: Metadata } | { readonly operations: readonly MetadataOperation[] },
): Promise<Outcome<Labels>> {
  return await changeLabels(services, workspaceId, executionId, (before) => {
    const metadata = "replace" in change ? change.replace : applyOperations(before.metadata ?? {}, change.operations);
    if (metadataBytes(metadata) > METADATA_BYTES_MOST) return metadataTooLarge();
    return ok({ ...before, metadata });
  });
}

/** Read, change, write if nobody else did meanwhile. `null` changes nothing. */
async function changeLabels(
  services: Services,
  workspaceId: string,
  executionId: string,
  change: (before: NewLabels) => Outcome<NewLabels | null>,
): Promise<Outcome<Labels>> {
  const execution = await getExecution(services, workspaceId, executionId);
  if (!execution.ok) return execution;
  const owner: LabelOwner = { executionId, jobId: execution.value.jobId };
  for (let tryNumber = 1; tryNumber <= TRIES; tryNumber++) {
    const stored = (await services.labels.find(workspaceId, [executionId])).get(executionId);
    const before = stored ?? noLabels(execution.value.createdAtMs);
    const next = change(before);
    if (!next.ok) return next;
    if (next.value === null) return ok(before);
    const labels = { tags: next.value.tags, metadata: next.value.metadata, updatedAtMs: services.clock.now() };
    if (await services.labels.replace(workspaceId, owner, labels, stored?.rev ?? null)) return ok(labels);
  }
  return refused("edit_conflict", "The labels of this execution are being changed by others all the time; try again.", {
    retryAfterSeconds: 1,
  });
}

function noLabels(atMs: number): Omit<StoredLabels, "rev"> {
  return { tags: [], metadata: null, updatedAtMs: atMs };
}

function tooManyTags(count: number) {
  return refused("too_many_tags", `An execution has ${TAGS_MOST} tags at most; it would have ${count}.`);
}

function metadataTooLarge() {
  return refused("metadata_too_large", "The metadata would have more than 256 KB as JSON; keep large data elsewhere.");
}
