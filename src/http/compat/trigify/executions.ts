/** `GET /v1/workflows/:id/executions` and one of them, as the Trigify API has them. */

import { z } from "@hono/zod-openapi";
import { notFound } from "../../../app/errors.ts";
import { maskLinks } from "../../../app/executions/maskLinks.ts";
import { getRunOfJob, listRunsOfJob } from "../../../app/executions/runsOfJob.ts";
import { ok } from "../../../domain/result.ts";
import { isAllowed } from "../../../domain/workspace/workspace.ts";
import { wholeNumber } from "../../fields.ts";
import type { Endpoint } from "../../operation.ts";
import { param } from "../../operation.ts";
import { readQuery } from "../../readInput.ts";
import { fromRunId, fromWorkflowId } from "../ids.ts";
import { PAGE_SIZE_DEFAULT, PAGE_SIZE_MOST, success } from "./envelope.ts";
import { fromRun, fromRunDetail } from "./runs.ts";

/** Far beyond any history; a bound because a number needs one. */
const PAGE_MOST = 1_000_000_000;

const ExecutionsQuery = z.object({
  page: wholeNumber(1, PAGE_MOST).default(1),
  page_size: wholeNumber(1, PAGE_SIZE_MOST).default(PAGE_SIZE_DEFAULT),
});

export const listExecutionsEndpoint: Endpoint = {
  access: "read",
  contract: { id: "listWorkflowExecutions", method: "get", path: "/v1/workflows/{workflow_id}/executions" },
  async handle({ services, workspaceId, id, query }) {
    const read = readQuery(ExecutionsQuery, query);
    if (!read.ok) return read;
    const { page, page_size: pageSize } = read.value;
    const found = await listRunsOfJob(services, workspaceId, fromWorkflowId(id) ?? "", { page, pageSize });
    if (!found.ok) return found;
    const { runs, total } = found.value;
    const pagination = { page, page_size: pageSize, total_count: total, total_pages: Math.ceil(total / pageSize) };
    return ok(success({ executions: runs.map(fromRun), pagination }));
  },
};

export const getExecutionEndpoint: Endpoint = {
  access: "read",
  contract: { id: "getWorkflowExecution", method: "get", path: "/v1/workflows/{workflow_id}/executions/{run_id}" },
  async handle(input) {
    const { services, workspaceId, token } = input;
    const [jobId, executionId] = [fromWorkflowId(input.id), executionIdOf(param(input, "run_id"))];
    if (jobId === null) return notFound("job");
    if (executionId === null) return notFound("execution");
    const found = await getRunOfJob(services, workspaceId, jobId, executionId);
    if (!found.ok) return found;
    const run = isAllowed(token.role, "write")
      ? found.value
      : { ...found.value, execution: maskLinks(found.value.execution) };
    return ok(success(fromRunDetail(run)));
  },
};

/** The id of the trace names the execution as well as that of the run. */
function executionIdOf(text: string): string | null {
  return fromRunId(text.replace(/^exec_/, "run_"));
}
