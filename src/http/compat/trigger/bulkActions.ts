/** `runs.bulk.*`: many runs cancelled or replayed in the background. */

import { z } from "@hono/zod-openapi";
import {
  abortBulkAction,
  createBulkAction,
  getBulkAction,
  listBulkActions,
} from "../../../app/bulkActions/manageBulkActions.ts";
import type { NewBulkAction } from "../../../app/bulkActions/manageBulkActions.ts";
import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import type { BulkAction } from "../../../domain/bulkAction/bulkAction.ts";
import { BULK_ACTION_TYPES } from "../../../domain/bulkAction/bulkAction.ts";
import { ok } from "../../../domain/result.ts";
import { oneOf, optional, text } from "../../fields.ts";
import type { Endpoint, WorkspaceInput } from "../../operation.ts";
import { jsonBody } from "../../operation.ts";
import { readBody } from "../../readInput.ts";
import { iso } from "../../time.ts";
import { fromRunId } from "../ids.ts";
import { readCursorPage, toCursorPagination } from "./pageQuery.ts";
import { RunFilterBody, toHistoryFilter } from "./runFilter.ts";

const PAGE_SIZE_DEFAULT = 25;
const BULK_ID = /^bulk_[0-9a-z]{26}$/;

const NewBulkBody = z.object({
  action: oneOf(BULK_ACTION_TYPES),
  name: optional(text(1, 255)),
  runIds: optional(z.array(z.string())),
  filter: optional(RunFilterBody),
});

export const createBulk: Endpoint = {
  access: "write",
  contract: { id: "createBulkAction", method: "post", path: "/api/v1/bulk-actions", body: {} },
  async handle(input) {
    const body = readBody(NewBulkBody, jsonBody(input));
    if (!body.ok) return body;
    const { action, name } = body.value;
    const target = await targetOf(input, body.value);
    if (!target.ok) return target;
    const wanted = { action, ...(name == null ? {} : { name }), ...target.value };
    const created = await createBulkAction(input.services, input.workspaceId, wanted);
    return created.ok ? ok({ status: 200, body: { id: created.value.id } }) : created;
  },
};

async function targetOf(
  { services, workspaceId }: WorkspaceInput,
  { runIds, filter }: z.output<typeof NewBulkBody>,
): Promise<Outcome<Pick<NewBulkAction, "runIds" | "filter">>> {
  if ((runIds == null) === (filter == null)) {
    return invalid([{ path: "", message: "must have either runIds or filter, and not both" }]);
  }
  if (runIds != null) return ok({ runIds: runIds.map((id) => fromRunId(id) ?? id) });
  const asked = filter ?? {};
  if (!Object.values(asked).some(isAsked)) {
    return invalid([{ path: "filter", message: "must name at least one thing to filter by" }]);
  }
  const found = await toHistoryFilter(services, workspaceId, asked);
  // What nothing can match is still an action, which finds nothing.
  return found.ok ? ok({ filter: found.value ?? { jobIds: [] } }) : found;
}

function isAsked(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "" && !(Array.isArray(value) && value.length === 0);
}

export const listBulk: Endpoint = {
  access: "read",
  contract: { id: "listBulkActions", method: "get", path: "/api/v1/bulk-actions" },
  async handle({ services, workspaceId, query }) {
    const page = readCursorPage(query, PAGE_SIZE_DEFAULT, (id) => BULK_ID.test(id));
    if (!page.ok) return page;
    const { size, after, before } = page.value;
    const found = await listBulkActions(services, workspaceId, {
      limit: size,
      ...(after === undefined ? {} : { after }),
      ...(before === undefined ? {} : { before }),
    });
    const pagination = toCursorPagination(found, page.value, ({ id }) => id);
    return ok({ status: 200, body: { data: found.items.map(toBulkAction), pagination } });
  },
};

export const retrieveBulk: Endpoint = {
  access: "read",
  contract: { id: "retrieveBulkAction", method: "get", path: "/api/v1/bulk-actions/{bulk_action_id}" },
  async handle({ services, workspaceId, id }) {
    const action = await getBulkAction(services, workspaceId, id);
    return action.ok ? ok({ status: 200, body: toBulkAction(action.value) }) : action;
  },
};

export const abortBulk: Endpoint = {
  access: "write",
  contract: {
    id: "abortBulkAction",
    method: "post",
    path: "/api/v1/bulk-actions/{bulk_action_id}/abort",
    body: { optional: true },
  },
  async handle({ services, workspaceId, id }) {
    const action = await abortBulkAction(services, workspaceId, id);
    return action.ok ? ok({ status: 200, body: { id: action.value.id } }) : action;
  },
};

export function toBulkAction({ id, name, action, status, counts, createdAtMs, completedAtMs }: BulkAction) {
  return {
    id,
    ...(name === null ? {} : { name }),
    type: action === "cancel" ? "CANCEL" : "REPLAY",
    status,
    counts: { total: counts.total, success: counts.success, failure: counts.failure },
    createdAt: iso(createdAtMs),
    ...(completedAtMs === null ? {} : { completedAt: iso(completedAtMs) }),
  };
}
