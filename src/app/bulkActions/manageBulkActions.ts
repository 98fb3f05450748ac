/** Bulk actions: created, listed, read and aborted. `runSlice.ts` carries them on. */

import type { BulkAction, BulkActionType, BulkTarget } from "../../domain/bulkAction/bulkAction.ts";
import type { ExecutionFilter } from "../../domain/execution/executionFilter.ts";
import { BULK_RUN_IDS_MOST } from "../../domain/bulkAction/bulkAction.ts";
import { newId } from "../../domain/ids.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { invalid, notFound } from "../errors.ts";
import type { Slice, SliceRequest } from "../ports/slice.ts";
import type { Services } from "../services.ts";
import { queryOf } from "./bulkQuery.ts";

export interface NewBulkAction {
  readonly action: BulkActionType;
  /** Exactly one of the two: ids of executions, or a filter that names at least one member. */
  readonly runIds?: readonly string[];
  readonly filter?: ExecutionFilter;
  readonly name?: string;
}

/**
 * The first slice begins at once, behind the answer. A filter sees what the history has, which may be two seconds behind;
 * executions that are named are found however new they are.
 */
export async function createBulkAction(
  services: Services,
  workspaceId: string,
  given: NewBulkAction,
): Promise<Outcome<BulkAction>> {
  const target = targetOf(given);
  if (!target.ok) return target;
  const nowMs = services.clock.now();
  const total =
    target.value.type === "executions"
      ? target.value.ids.length
      : await services.executions.count(workspaceId, queryOf(target.value.filter, nowMs, null), nowMs);
  const action: BulkAction = {
    id: newId("bulk", nowMs, services.random),
    workspaceId,
    action: given.action,
    name: given.name ?? null,
    status: "PENDING",
    target: target.value,
    counts: { total, success: 0, failure: 0 },
    createdAtMs: nowMs,
    completedAtMs: null,
  };
  await services.bulkActions.insert(action);
  services.later(services.bulkQueue.send(action.id));
  return ok(action);
}

function targetOf({ runIds, filter }: NewBulkAction): Outcome<BulkTarget> {
  if ((runIds === undefined) === (filter === undefined)) {
    return invalid([{ path: "", message: "must have either runIds or filter, and not both" }]);
  }
  if (filter !== undefined) {
    if (Object.values(filter).every((value) => value === undefined)) {
      return invalid([{ path: "filter", message: "must name at least one thing to filter by" }]);
    }
    return ok({ type: "filter", filter });
  }
  const ids = [...new Set(runIds)];
  if (ids.length < 1 || ids.length > BULK_RUN_IDS_MOST) {
    return invalid([{ path: "runIds", message: `must have 1 to ${BULK_RUN_IDS_MOST} ids` }]);
  }
  return ok({ type: "executions", ids });
}

export async function listBulkActions(
  services: Services,
  workspaceId: string,
  page: SliceRequest,
): Promise<Slice<BulkAction>> {
  return await services.bulkActions.list(workspaceId, page);
}

export async function getBulkAction(services: Services, workspaceId: string, id: string): Promise<Outcome<BulkAction>> {
  const action = await services.bulkActions.find(workspaceId, id);
  return action === null ? notFound("bulk action") : ok(action);
}

/** Stops it before its next slice; one that has ended stays as it is. */
export async function abortBulkAction(
  services: Services,
  workspaceId: string,
  id: string,
): Promise<Outcome<BulkAction>> {
  await services.bulkActions.abort(workspaceId, id, services.clock.now());
  return await getBulkAction(services, workspaceId, id);
}
