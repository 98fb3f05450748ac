/**
 * Hands items of a batch in: each starts one execution, however often it is handed in.
 *
 * The id of an item's execution is written into the batch before the start, and remembered by its actor after it. So an
 * upload that was cut off anywhere can be repeated: what was started is found, and what was not is started, under one id.
 */

import type { Batch, BatchItem, BatchItemError } from "../../domain/batch/batch.ts";
import { isSealed } from "../../domain/batch/batch.ts";
import { batchExecutionId } from "../../domain/ids.ts";
import type { FieldIssue } from "../../domain/issue.ts";
import type { Job } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import type { AppError, Outcome } from "../errors.ts";
import { invalid, inWords, notFound, refused } from "../errors.ts";
import type { NewLabels } from "../executions/labels.ts";
import { checkLabels, hasLabels } from "../executions/labels.ts";
import type { Started, StartRequest } from "../executions/startExecution.ts";
import { startMany } from "../executions/startExecution.ts";
import { findTask } from "../jobs/findTask.ts";
import type { Services } from "../services.ts";
import { sideBySide } from "../sideBySide.ts";

export interface GivenItem extends NewLabels {
  /** Its place in the batch, from 0. */
  readonly index: number;
  /** The task: a job's id or name. */
  readonly jobIdOrName: string;
  /** What identifies its execution is the batch's to give. */
  readonly request: Omit<StartRequest, "batchId" | "executionId" | "rememberIdMs">;
}

export interface AddedItems {
  /** Items that arrived for the first time, those with an error included. */
  readonly accepted: number;
  /** Items that were handed in before. */
  readonly deduplicated: number;
  /** Whether every announced item has arrived. */
  readonly sealed: boolean;
  /** Of the items that were handed in: why one started nothing. */
  readonly errors: readonly (BatchItemError & { readonly index: number; readonly task: string })[];
}

type Planned = Extract<BatchItem, { readonly executionId: string }>;

/** Uploads of one batch at the same moment are few; a sixth lost race says that something else is wrong. */
const TRIES = 6;
/** How long an upload that was cut off may be repeated: far longer than clients try. */
const REMEMBERED_MS = 24 * 60 * 60 * 1_000;
/** Jobs that are asked, and tasks that are looked up, side by side. */
const AT_A_TIME = 10;

/**
 * An item whose task does not exist, or whose start is refused, is an error of that item alone. When an actor is out of
 * reach the upload is to be repeated, which the refusal says; what was started stays started.
 */
export async function addItems(
  services: Services,
  workspaceId: string,
  batchId: string,
  items: readonly GivenItem[],
): Promise<Outcome<AddedItems>> {
  const batch = await services.batches.find(workspaceId, batchId);
  if (batch === null) return notFound("batch");
  const issues = indexIssues(batch, items);
  if (issues.length > 0) return invalid(issues);
  const given = new Map(items.map((item) => [item.index, item]));
  const fresh = [...given.values()].filter(({ index }) => batch.items.every((item) => item.index !== index));
  const planned = await planItems(services, batch, fresh);
  const reserved = await changeItems(services, batch, (known) => [
    ...known,
    ...planned.filter(({ index }) => known.every((item) => item.index !== index)),
  ]);
  if (!reserved.ok) return reserved;
  const begun = reserved.value.items.filter(
    (item) => given.has(item.index) && item.error === undefined && !item.started,
  );
  const outcomes = await startItems(services, batch, begun as Planned[], given);
  const settled = await changeItems(services, reserved.value, (known) =>
    known.map((item) => outcomes.settled.get(item.index) ?? item),
  );
  if (!settled.ok) return settled;
  if (outcomes.fault !== null) return { ok: false, error: outcomes.fault };
  return ok({
    accepted: fresh.length,
    deduplicated: given.size - fresh.length,
    sealed: isSealed(settled.value),
    errors: settled.value.items.flatMap(({ index, task, error }) =>
      error === undefined || !given.has(index) ? [] : [{ index, task, ...error }],
    ),
  });
}

function indexIssues({ runCount }: Batch, items: readonly GivenItem[]): FieldIssue[] {
  return items.flatMap(({ index }, position) =>
    Number.isInteger(index) && index >= 0 && index < runCount
      ? []
      : [{ path: `items[${position}].index`, message: `must be a whole number from 0 to ${runCount - 1}` }],
  );
}

/** What is to become of items that were not handed in before. */
async function planItems(services: Services, batch: Batch, items: readonly GivenItem[]): Promise<BatchItem[]> {
  const names = [...new Set(items.map((item) => item.jobIdOrName))];
  const tasks = new Map<string, Outcome<Job>>();
  await sideBySide(names, AT_A_TIME, async (name) => {
    tasks.set(name, await findTask(services, batch.workspaceId, name));
  });
  const nowMs = services.clock.now();
  return items.map(({ index, jobIdOrName: task, request, tags, metadata }) => {
    const job = tasks.get(task);
    if (job?.ok !== true) {
      return {
        index,
        task,
        error: { code: "not_found", message: `This workspace has no job with the id or name ${task}.` },
      };
    }
    const labels = checkLabels({ tags, metadata });
    if (!labels.ok) return { index, task, error: inWords(labels.error) };
    const jobId = job.value.id;
    const dueMs = Math.max(nowMs, request.delayUntilMs ?? nowMs);
    return { index, task, jobId, executionId: batchExecutionId(jobId, dueMs, batch.id, index), dueMs, started: false };
  });
}

interface StartOutcomes {
  /** Items whose start was answered, as they are now. */
  readonly settled: ReadonlyMap<number, BatchItem>;
  /** Why some were not answered. */
  readonly fault: AppError | null;
}

async function startItems(
  services: Services,
  batch: Batch,
  items: readonly Planned[],
  given: ReadonlyMap<number, GivenItem>,
): Promise<StartOutcomes> {
  const { workspaceId } = batch;
  const settled = new Map<number, BatchItem>();
  if (items.length === 0) return { settled, fault: null };
  await labelItems(services, workspaceId, items, given);
  let fault: AppError | null = null;
  await sideBySide([...Map.groupBy(items, ({ jobId }) => jobId)], AT_A_TIME, async ([jobId, ofJob]) => {
    const requests = ofJob.map((item) => requestOf(batch, item, given.get(item.index)));
    const answers = await startMany(services, workspaceId, jobId, requests);
    if (!answers.ok && answers.error.code === "actor_unavailable") {
      fault = answers.error;
      return;
    }
    for (const [position, item] of ofJob.entries()) {
      const answer = answers.ok ? answers.value[position] : answers;
      if (answer !== undefined) settled.set(item.index, settledItem(item, answer));
    }
  });
  return { settled, fault };
}

/** Before the starts, so that an execution that has started never lacks its labels. */
async function labelItems(
  services: Services,
  workspaceId: string,
  items: readonly Planned[],
  given: ReadonlyMap<number, GivenItem>,
): Promise<void> {
  const updatedAtMs = services.clock.now();
  const entries = items.flatMap(({ index, executionId, jobId }) => {
    const labels = given.get(index);
    const checked = labels === undefined ? null : checkLabels(labels);
    if (checked === null || !checked.ok || !hasLabels(checked.value)) return [];
    return [{ owner: { executionId, jobId }, labels: { ...checked.value, updatedAtMs } }];
  });
  if (entries.length > 0) await services.labels.insert(workspaceId, entries);
}

/** A delay counts from the first upload. */
function requestOf(batch: Batch, item: Planned, given: GivenItem | undefined): StartRequest {
  const { delayUntilMs, ...request } = given?.request ?? { source: "api" };
  return {
    ...request,
    batchId: batch.id,
    executionId: item.executionId,
    rememberIdMs: REMEMBERED_MS,
    ...(delayUntilMs === undefined ? {} : { delayUntilMs: item.dueMs }),
  };
}

/** An idempotency key of the item's own may lead to an execution that was started elsewhere. */
function settledItem(item: Planned, answer: Outcome<Started>): BatchItem {
  const { index, task } = item;
  if (!answer.ok) return { index, task, error: inWords(answer.error) };
  return { ...item, executionId: answer.value.execution.id, started: true };
}

/** Read, change, write if no other upload did meanwhile. */
async function changeItems(
  services: Services,
  read: Batch,
  change: (items: readonly BatchItem[]) => readonly BatchItem[],
): Promise<Outcome<Batch>> {
  let batch: Batch | null = read;
  for (let tryNumber = 1; tryNumber <= TRIES; tryNumber++) {
    const items = change(batch.items).toSorted((one, other) => one.index - other.index);
    if (JSON.stringify(items) === JSON.stringify(batch.items)) return ok(batch);
    const next = { ...batch, items, updatedAtMs: services.clock.now() };
    if (await services.batches.replace(next, batch.rev)) return ok({ ...next, rev: batch.rev + 1 });
    batch = await services.batches.find(read.workspaceId, read.id);
    if (batch === null) return notFound("batch");
  }
  return refused("edit_conflict", "This batch is being added to by others all the time; send the items again.", {
    retryAfterSeconds: 1,
  });
}
