/** `GET /api/v1/runs`, `/api/v1/runs/:id` and its logs. */

import type { z } from "@hono/zod-openapi";
import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import { getExecution } from "../../../app/executions/getExecution.ts";
import { cursorOf, listExecutions } from "../../../app/executions/listExecutions.ts";
import { newestFirst } from "../../../app/executions/newestFirst.ts";
import { maskLinks } from "../../../app/executions/maskLinks.ts";
import type { ExecutionQuery } from "../../../app/ports.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import { ok } from "../../../domain/result.ts";
import { LIMIT_DEFAULT, LIMIT_MOST, object, oneOf, text, wholeNumber } from "../../fields.ts";
import type { Endpoint, WorkspaceInput } from "../../operation.ts";
import { readQuery } from "../../readInput.ts";
import { fromRunId, fromWorkflowId } from "../ids.ts";
import { decodeRunCursor, encodeRunCursor } from "./cursor.ts";
import { missing, named, success, successPage } from "./envelope.ts";
import { RUN_STATUSES, statusFilter } from "./runStatus.ts";
import { toRun, toRunItem, toRunLogs } from "./runView.ts";

/** What holds a time and an id is much shorter. */
export const CURSOR_CHARACTERS_MOST = 512;
const ID_CHARACTERS_MOST = 64;

const RunsQuery = object({
  workflowId: text(1, ID_CHARACTERS_MOST).optional(),
  status: oneOf(RUN_STATUSES).optional(),
  limit: wholeNumber(1, LIMIT_MOST).optional(),
  cursor: text(1, CURSOR_CHARACTERS_MOST).optional(),
});

export const listRuns: Endpoint = {
  access: "read",
  contract: { id: "listRuns", method: "get", path: "/api/v1/runs" },
  async handle({ services, workspaceId, query }) {
    const read = readQuery(RunsQuery, query);
    if (!read.ok) return read;
    const wanted = toQuery(read.value);
    if (!wanted.ok) return wanted;
    if (wanted.value === null) return ok(successPage([], { cursor: null, hasMore: false }));
    const page = await listExecutions(services, workspaceId, wanted.value);
    if (!page.ok) return page;
    const { items, hasMore } = page.value;
    const last = hasMore ? items.at(-1) : undefined;
    const cursor = last === undefined ? null : encodeRunCursor(last.id);
    return ok(successPage(items.map(toRunItem), { cursor, hasMore }));
  },
};

export function badCursor(): ReturnType<typeof invalid> {
  return invalid([{ path: "cursor", message: "is not a cursor of this list; use meta.cursor of the page before" }]);
}

/** Newest first, by the time within the id, which never changes: pages meet whatever arrives. `null` finds nothing. */
function toQuery({ workflowId, status, limit, cursor }: z.output<typeof RunsQuery>): Outcome<ExecutionQuery | null> {
  const after = cursor === undefined ? null : decodeRunCursor(cursor);
  if (cursor !== undefined && after === null) {
    return badCursor();
  }
  const jobId = workflowId === undefined ? null : fromWorkflowId(workflowId);
  if (workflowId !== undefined && jobId === null) return ok(null);
  const page = { limit: limit ?? LIMIT_DEFAULT, offset: 0, cursor: after === null ? null : cursorOf(after) };
  return ok(newestFirst(page, { jobId, ...(status === undefined ? {} : { statuses: [statusFilter(status)] }) }));
}

export const getRun: Endpoint = {
  access: "read",
  contract: { id: "getRun", method: "get", path: "/api/v1/runs/{id}" },
  async handle(input) {
    const execution = await findShownRun(input);
    return execution.ok ? ok(success(toRun(execution.value))) : execution;
  },
};

export const getRunLogs: Endpoint = {
  access: "read",
  contract: { id: "getRunLogs", method: "get", path: "/api/v1/runs/{id}/logs" },
  async handle(input) {
    const execution = await findShownRun(input);
    return execution.ok ? ok(success(toRunLogs(execution.value))) : execution;
  },
};

export async function findRun({ services, workspaceId, id }: WorkspaceInput): Promise<Outcome<Execution>> {
  const executionId = fromRunId(id);
  if (executionId === null) return missing("Run");
  return named("Run", await getExecution(services, workspaceId, executionId));
}

/** Links that resume or decide a step are for roles that may. */
function shownTo(token: WorkspaceInput["token"], execution: Execution): Execution {
  return maskLinks(execution, token.role);
}

async function findShownRun(input: WorkspaceInput): Promise<Outcome<Execution>> {
  const execution = await findRun(input);
  return execution.ok ? ok(shownTo(input.token, execution.value)) : execution;
}
