/** `/v1/executions` and the executions of one job: list, read, replay, cancel. */

import { z } from "@hono/zod-openapi";
import type { Outcome } from "../../app/errors.ts";
import { invalid } from "../../app/errors.ts";
import { ancestorsOf } from "../../app/executions/ancestors.ts";
import { cancelExecution } from "../../app/executions/cancelExecution.ts";
import { getExecution } from "../../app/executions/getExecution.ts";
import { labelsOf } from "../../app/executions/labels.ts";
import { maskLinks } from "../../app/executions/maskLinks.ts";
import { listExecutions, listExecutionsOfJob } from "../../app/executions/listExecutions.ts";
import { replayExecution } from "../../app/executions/replayExecution.ts";
import type { ExecutionQuery } from "../../app/ports.ts";
import type { Services } from "../../app/services.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import { EXECUTION_SOURCES, EXECUTION_STATUSES } from "../../domain/execution/execution.ts";
import { ok } from "../../domain/result.ts";
import { moment, object, oneOf, text } from "../fields.ts";
import type { Operation } from "../operation.ts";
import { jsonBody } from "../operation.ts";
import { readBody, readQuery } from "../readInput.ts";
import { NOTHING, NothingBody } from "./jobActions.ts";
import {
  EXECUTION_EXAMPLE,
  EXECUTION_SUMMARY_EXAMPLE,
  ExecutionSchema,
  ExecutionSummarySchema,
  QUEUED_EXECUTION_EXAMPLE,
  fromExecution,
  fromExecutionSummary,
} from "./schemas/execution.ts";
import type { RunSurroundings } from "./schemas/triggerDevRun.ts";
import { TriggerDevRunSchema, fromExecutionAsRun } from "./schemas/triggerDevRun.ts";
import { PAGINATION_EXAMPLE, fromPage, listOf, pageQuery, toPageRequest } from "./schemas/paging.ts";

const JobExecutionsQuery = object({
  status: oneOf(EXECUTION_STATUSES).optional(),
  source: oneOf(EXECUTION_SOURCES).optional(),
  from: moment().optional().openapi({ description: "Due at or after this moment." }),
  to: moment().optional().openapi({ description: "Due before this moment." }),
  job_name: text(1, 255).optional().openapi({ description: "Part of the job's name, in any case." }),
  sort: oneOf(["scheduled_for", "created_at"]).optional().openapi({ description: "Default scheduled_for." }),
  order: oneOf(["asc", "desc"]).optional().openapi({ description: "Default desc." }),
  ...pageQuery,
});

const ExecutionsQuery = JobExecutionsQuery.extend({ job_id: text(1, 64).optional() });

function toExecutionQuery(query: z.output<typeof ExecutionsQuery>): Outcome<ExecutionQuery> {
  const page = toPageRequest(query);
  if (!page.ok) return page;
  const fromMs = query.from === undefined ? null : Date.parse(query.from);
  const toMs = query.to === undefined ? null : Date.parse(query.to);
  if (fromMs !== null && toMs !== null && fromMs > toMs) {
    return invalid([{ path: "from", message: "must not be after to" }]);
  }
  return ok({
    jobId: query.job_id ?? null,
    status: query.status ?? null,
    source: query.source ?? null,
    fromMs,
    toMs,
    jobName: query.job_name ?? null,
    sort: query.sort ?? "scheduled_for",
    order: query.order ?? "desc",
    page: page.value,
  });
}

const PAGE = {
  description: "One page of executions, without their attempts.",
  schema: listOf(ExecutionSummarySchema),
  example: { data: [EXECUTION_SUMMARY_EXAMPLE], pagination: PAGINATION_EXAMPLE },
};

export const listExecutionsOperation: Operation = {
  access: "read",
  contract: {
    id: "listExecutions",
    method: "get",
    path: "/v1/executions",
    tag: "Executions",
    summary: "List executions",
    description: "The executions of the whole workspace, newest first. The list may be two seconds behind.",
    query: ExecutionsQuery,
    queryExample: "?status=failed&from=2030-01-01T00:00:00Z&limit=50",
    answers: { 200: PAGE },
    errors: [],
  },
  async handle({ services, workspaceId, query, token }) {
    const read = readQuery(ExecutionsQuery, query);
    if (!read.ok) return read;
    const request = toExecutionQuery(read.value);
    if (!request.ok) return request;
    const page = await listExecutions(services, workspaceId, request.value);
    if (!page.ok) return page;
    const body = fromPage(page.value, request.value.page, (each) => fromExecutionSummary(each, token.role));
    return ok({ status: 200, body });
  },
};

export const listJobExecutionsOperation: Operation = {
  access: "read",
  contract: {
    id: "listJobExecutions",
    method: "get",
    path: "/v1/jobs/{job_id}/executions",
    tag: "Executions",
    summary: "List a job's executions",
    description: "As the list of all executions, for one job.",
    query: JobExecutionsQuery,
    queryExample: "?order=asc&limit=50",
    answers: { 200: PAGE },
    errors: ["not_found"],
  },
  async handle({ services, workspaceId, id, query, token }) {
    const read = readQuery(JobExecutionsQuery, query);
    if (!read.ok) return read;
    const request = toExecutionQuery(read.value);
    if (!request.ok) return request;
    const page = await listExecutionsOfJob(services, workspaceId, id, request.value);
    if (!page.ok) return page;
    const body = fromPage(page.value, request.value.page, (each) => fromExecutionSummary(each, token.role));
    return ok({ status: 200, body });
  },
};

/** Children that are shown with a run, the oldest: a `for_each` may start a thousand. */
const CHILDREN_MOST = 100;

const ViewQuery = object({
  view: oneOf(["trigger_dev_run"])
    .optional()
    .openapi({ description: "Another form of the answer: a run as Trigger.dev's schema has it." }),
});

export const getExecutionOperation: Operation = {
  access: "read",
  contract: {
    id: "getExecution",
    method: "get",
    path: "/v1/executions/{execution_id}",
    tag: "Executions",
    summary: "Read an execution",
    description:
      "One execution with all its attempts, as it is at this moment; of a job with steps, with each of them. Links that " +
      "resume it are shown to roles that may write only, links that decide its approvals to owners only.",
    query: ViewQuery,
    answers: {
      200: {
        description: "The execution; with `view=trigger_dev_run` the run.",
        schema: z.union([ExecutionSchema, TriggerDevRunSchema]),
        example: EXECUTION_EXAMPLE,
      },
    },
    errors: ["not_found", "actor_unavailable"],
  },
  async handle({ services, workspaceId, id, token, query }) {
    const read = readQuery(ViewQuery, query);
    if (!read.ok) return read;
    const execution = await getExecution(services, workspaceId, id);
    if (!execution.ok) return execution;
    if (read.value.view === undefined) return ok({ status: 200, body: fromExecution(execution.value, token.role) });
    const surroundings = await surroundingsOf(services, workspaceId, execution.value);
    const run = fromExecutionAsRun(execution.value, surroundings, services.clock.now());
    return ok({ status: 200, body: maskLinks(run, token.role) });
  },
};

async function surroundingsOf(services: Services, workspaceId: string, execution: Execution): Promise<RunSurroundings> {
  const childIds = (execution.workflow?.children ?? []).slice(0, CHILDREN_MOST);
  const [labels, ancestors, children] = await Promise.all([
    labelsOf(services, workspaceId, [execution.id]),
    ancestorsOf(services, workspaceId, execution),
    childIds.length === 0 ? null : services.executions.summaries(workspaceId, childIds),
  ]);
  return {
    labels: labels.get(execution.id),
    ancestors,
    children: childIds.flatMap((id) => children?.get(id) ?? []),
  };
}

export const replayExecutionOperation: Operation = {
  access: "write",
  contract: {
    id: "replayExecution",
    method: "post",
    path: "/v1/executions/{execution_id}/replay",
    tag: "Executions",
    summary: "Replay an execution",
    description:
      "Runs the job of a finished execution once more, as it is defined now, with source replay and, if it has steps, " +
      "with the same input. The original is unchanged.",
    body: NOTHING,
    answers: {
      202: {
        description: "The new execution is queued.",
        schema: ExecutionSchema,
        example: { ...QUEUED_EXECUTION_EXAMPLE, source: "replay", replayed_from: EXECUTION_EXAMPLE.id },
      },
    },
    errors: ["not_found", "not_finished", "backlog_full", "actor_unavailable"],
  },
  async handle(input) {
    const body = readBody(NothingBody, jsonBody(input));
    if (!body.ok) return body;
    const execution = await replayExecution(input.services, input.workspaceId, input.id);
    if (!execution.ok) return execution;
    const headers = { location: `/v1/executions/${execution.value.id}` };
    return ok({ status: 202, body: fromExecution(execution.value, input.token.role), headers });
  },
};

export const cancelExecutionOperation: Operation = {
  access: "write",
  contract: {
    id: "cancelExecution",
    method: "post",
    path: "/v1/executions/{execution_id}/cancel",
    tag: "Executions",
    summary: "Cancel an execution",
    description:
      "Ends an execution that is queued, running or waiting. A request that is on its way is not recalled, but its " +
      "result no longer counts.",
    body: NOTHING,
    answers: {
      200: {
        description: "The execution as it ended.",
        schema: ExecutionSchema,
        example: {
          ...QUEUED_EXECUTION_EXAMPLE,
          status: "cancelled",
          finished_at: "2030-01-31T02:00:01.000Z",
          error: { code: "cancelled", message: "Cancelled by request." },
        },
      },
    },
    errors: ["not_found", "already_finished", "actor_unavailable"],
  },
  async handle(input) {
    const body = readBody(NothingBody, jsonBody(input));
    if (!body.ok) return body;
    const execution = await cancelExecution(input.services, input.workspaceId, input.id);
    return execution.ok ? ok({ status: 200, body: fromExecution(execution.value, input.token.role) }) : execution;
  },
};
