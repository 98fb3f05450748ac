/**
 * Carries a bulk action on by one slice, for one message.
 *
 * A slice is claimed for a while, done, and booked under the revision of the claim: a message that comes twice finds the
 * action claimed or further on, and a worker that was given up books nothing. What a slice does may be done again after a
 * worker died: a cancelled execution stays cancelled, and a replay has an id that follows from its original and that its
 * actor remembers. So each counts once, as what it has come to.
 */

import type { BulkAction } from "../../domain/bulkAction/bulkAction.ts";
import { BULK_LEASE_MS, BULK_SLICE_MOST } from "../../domain/bulkAction/bulkAction.ts";
import { isFinished } from "../../domain/execution/execution.ts";
import { bulkReplayId } from "../../domain/ids.ts";
import { cancelExecution } from "../executions/cancelExecution.ts";
import { getExecution } from "../executions/getExecution.ts";
import { replayExecution } from "../executions/replayExecution.ts";
import type { ExecutionSummary } from "../ports.ts";
import type { BulkProgress } from "../ports/bulkActions.ts";
import type { Services } from "../services.ts";
import { sideBySide } from "../sideBySide.ts";
import { queryOf } from "./bulkQuery.ts";

/** How long a slice may be done again after its worker died: the watchdog resumes it within minutes. */
const REMEMBERED_MS = 24 * 60 * 60 * 1_000;
/** Executions that are dealt with side by side: each is a few calls to its actor and the database. */
const AT_A_TIME = 10;

interface BulkSlice {
  readonly ids: readonly string[];
  /** What the history has of them. */
  readonly known: ReadonlyMap<string, ExecutionSummary>;
  readonly position: string | null;
  readonly isLast: boolean;
}

/** Does nothing for an action that has ended or that somebody is working on. */
export async function runSlice(services: Services, id: string): Promise<void> {
  const nowMs = services.clock.now();
  const claimed = await services.bulkActions.claim(id, nowMs, nowMs + BULK_LEASE_MS);
  if (claimed === null) return;
  const { action, progress } = claimed;
  const slice = await nextSlice(services, action, progress);
  const done =
    action.action === "cancel" ? await cancelAll(services, action, slice) : await replayAll(services, action, slice);
  const booked = await services.bulkActions.advance(id, progress.rev, {
    position: slice.position,
    success: done.length,
    failure: slice.ids.length - done.length,
    executionIds: done,
    isLast: slice.isLast,
    nowMs: services.clock.now(),
  });
  if (booked && !slice.isLast) await services.bulkQueue.send(id);
}

async function nextSlice(services: Services, action: BulkAction, progress: BulkProgress): Promise<BulkSlice> {
  const { workspaceId, target, createdAtMs } = action;
  if (target.type === "executions") {
    const begin = Number(progress.position ?? 0);
    const end = begin + BULK_SLICE_MOST;
    const ids = target.ids.slice(begin, end);
    const known = await services.executions.summaries(workspaceId, ids);
    return { ids, known, position: String(end), isLast: end >= target.ids.length };
  }
  const query = queryOf(target.filter, createdAtMs, progress.position);
  const page = await services.executions.list(workspaceId, query, createdAtMs);
  if (page === "bad_cursor") throw new Error("A bulk action stands at a place that is none.");
  return {
    ids: page.items.map((item) => item.id),
    known: new Map(page.items.map((item) => [item.id, item])),
    position: page.nextCursor,
    isLast: !page.hasMore,
  };
}

/** Ids of the executions that are cancelled now and were not when the action was created. */
async function cancelAll(services: Services, action: BulkAction, { ids, known }: BulkSlice): Promise<string[]> {
  return await those(ids, async (id) => {
    const summary = known.get(id);
    if (summary !== undefined && isFinished(summary.status)) return isCancelledSince(action, summary);
    const ended = await cancelExecution(services, action.workspaceId, id);
    if (ended.ok) return true;
    if (ended.error.code !== "already_finished") return false;
    // It ended while we looked, perhaps by an earlier try of this slice.
    const execution = await getExecution(services, action.workspaceId, id);
    return execution.ok && isCancelledSince(action, execution.value);
  });
}

function isCancelledSince(
  { createdAtMs }: BulkAction,
  { status, finishedAtMs }: Pick<ExecutionSummary, "status" | "finishedAtMs">,
): boolean {
  return status === "cancelled" && (finishedAtMs ?? 0) >= createdAtMs;
}

/** Ids of the replays. What has not ended, or is gone, cannot be replayed. */
async function replayAll(services: Services, action: BulkAction, { ids }: BulkSlice): Promise<string[]> {
  const replayIdOf = (id: string) => bulkReplayId(id, action.id, action.createdAtMs);
  const replayed = await those(ids, async (id) => {
    const more = { executionId: replayIdOf(id), rememberIdMs: REMEMBERED_MS, bulkActionId: action.id };
    return (await replayExecution(services, action.workspaceId, id, more)).ok;
  });
  return replayed.map(replayIdOf);
}

/** The ids for which the work came to `true`. */
async function those(ids: readonly string[], work: (id: string) => Promise<boolean>): Promise<string[]> {
  const results = await sideBySide(ids, AT_A_TIME, work);
  return ids.filter((_, position) => results[position] === true);
}
