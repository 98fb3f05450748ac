/** `runs.list`, `runs.retrieve`, their result and their events. */

import type { Outcome } from "../../../app/errors.ts";
import { getExecution } from "../../../app/executions/getExecution.ts";
import { labelsOf } from "../../../app/executions/labels.ts";
import { cursorOf, listExecutions } from "../../../app/executions/listExecutions.ts";
import { newestFirst } from "../../../app/executions/newestFirst.ts";
import { maskLinks } from "../../../app/executions/maskLinks.ts";
import type { ExecutionSummary } from "../../../app/ports.ts";
import type { ExecutionFilter } from "../../../domain/execution/executionFilter.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import { isFinished } from "../../../domain/execution/execution.ts";
import { isExecutionId } from "../../../domain/ids.ts";
import { ok } from "../../../domain/result.ts";
import type { Answer, Endpoint, WorkspaceInput } from "../../operation.ts";
import { param } from "../../operation.ts";
import { fromRunId } from "../ids.ts";
import { absent } from "./refusal.ts";
import type { CursorRequest } from "./pageQuery.ts";
import { readCursorPage, toCursorPagination } from "./pageQuery.ts";
import { runContext } from "./runContext.ts";
import { readRunFilter, toHistoryFilter } from "./runFilter.ts";
import { toRunEvents, toRunResult } from "./runRecord.ts";
import { dialectOf } from "./runStatus.ts";
import type { Viewing } from "./runView.ts";
import { toRun, toRunItem } from "./runView.ts";

/** Runs of a page that does not say how many (facts 3.4). */
const PAGE_SIZE_DEFAULT = 25;

export const listRuns: Endpoint = {
  access: "read",
  contract: { id: "listRuns", method: "get", path: "/api/v1/runs" },
  handle: answerList,
};

/** There is one project, whatever it is called: the workspace. */
export const listProjectRuns: Endpoint = {
  access: "read",
  contract: { id: "listProjectRuns", method: "get", path: "/api/v1/projects/{project_ref}/runs" },
  handle: answerList,
};

async function answerList(input: WorkspaceInput): Promise<Outcome<Answer>> {
  const { services, workspaceId, query } = input;
  const page = readCursorPage(query, PAGE_SIZE_DEFAULT, isExecutionId);
  if (!page.ok) return page;
  const asked = readRunFilter(query);
  if (!asked.ok) return asked;
  const filter = await toHistoryFilter(services, workspaceId, asked.value);
  if (!filter.ok) return filter;
  const found = await findRuns(input, filter.value, page.value);
  if (!found.ok) return found;
  const { items } = found.value;
  const labels = await labelsOf(
    services,
    workspaceId,
    items.map(({ id }) => id),
  );
  const viewing = viewingOf(input);
  return ok({
    status: 200,
    body: {
      data: items.map((summary) => toRunItem(summary, labels.get(summary.id), viewing)),
      pagination: toCursorPagination(found.value, page.value, ({ id }) => id),
    },
  });
}

/** Newest first, by the time in their ids; `null` finds nothing. */
async function findRuns(
  { services, workspaceId }: WorkspaceInput,
  filter: ExecutionFilter | null,
  { size, after, before }: CursorRequest,
): Promise<Outcome<{ readonly items: readonly ExecutionSummary[]; readonly hasMore: boolean }>> {
  if (filter === null) return ok({ items: [], hasMore: false });
  const page = {
    limit: size,
    offset: 0,
    cursor: after === undefined ? null : cursorOf(after),
    ...(before === undefined ? {} : { before: cursorOf(before) }),
  };
  return await listExecutions(services, workspaceId, newestFirst(page, filter));
}

export const retrieveRun: Endpoint = {
  access: "read",
  contract: { id: "retrieveRun", method: "get", path: "/api/v3/runs/{run_id}" },
  async handle(input) {
    const execution = await readRun(input);
    return execution.ok ? ok(await answerRun(input, execution.value)) : execution;
  },
};

export const runResult: Endpoint = {
  access: "read",
  contract: { id: "runResult", method: "get", path: "/api/v1/runs/{run_id}/result" },
  async handle(input) {
    const execution = await readRun(input);
    if (!execution.ok) return execution;
    // The client takes 404 for "not yet".
    if (!isFinished(execution.value.status)) return ok(absent("This run has not ended yet, so it has no result."));
    return ok({ status: 200, body: toRunResult(execution.value) });
  },
};

export const listRunEvents: Endpoint = {
  access: "read",
  contract: { id: "listRunEvents", method: "get", path: "/api/v1/runs/{run_id}/events" },
  async handle(input) {
    const execution = await readRun(input);
    return execution.ok ? ok({ status: 200, body: { events: toRunEvents(execution.value) } }) : execution;
  },
};

/** The whole run, as `retrieve` and `reschedule` answer. */
export async function answerRun(input: WorkspaceInput, execution: Execution): Promise<Answer> {
  const context = await runContext(input.services, input.workspaceId, execution);
  return { status: 200, body: toRun(execution, context, viewingOf(input)) };
}

/** The run that the path names, as the caller's role may see it. */
export async function readRun(input: WorkspaceInput): Promise<Outcome<Execution>> {
  const execution = await getExecution(input.services, input.workspaceId, executionIdIn(input));
  return execution.ok ? ok(maskLinks(execution.value, input.token.role)) : execution;
}

/** The execution's id; of what cannot be a run's id the text itself, which names nothing. */
export function executionIdIn(input: WorkspaceInput): string {
  const text = param(input, "run_id");
  return fromRunId(text) ?? text;
}

function viewingOf({ services, headers }: WorkspaceInput): Viewing {
  return { nowMs: services.clock.now(), dialect: dialectOf(headers) };
}
