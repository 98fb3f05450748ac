/** `/v1/approvals` and the decisions of people with a token. */

import { z } from "@hono/zod-openapi";
import { COMMENT_CHARACTERS_MOST, decideApproval } from "../../app/approvals/decideApproval.ts";
import { listApprovals } from "../../app/approvals/listApprovals.ts";
import { maskLinks } from "../../app/executions/maskLinks.ts";
import type { WaitingApproval } from "../../app/ports.ts";
import { ok } from "../../domain/result.ts";
import { object, optional, text } from "../fields.ts";
import type { Operation } from "../operation.ts";
import { jsonBody, param } from "../operation.ts";
import { readBody, readQuery } from "../readInput.ts";
import { iso, isoOrNull } from "../time.ts";
import { ExecutionSchema, WAITING_EXECUTION_EXAMPLE, fromExecution } from "./schemas/execution.ts";
import { PAGINATION_EXAMPLE, fromPage, listOf, pageQuery, toPageRequest } from "./schemas/paging.ts";
import { momentOut } from "./schemas/time.ts";

const ApprovalSchema = z
  .strictObject({
    execution_id: z.string(),
    job_id: z.string(),
    job_name: z.string(),
    step: z.string().openapi({ description: "The path of the step, for the decision." }),
    name: z.string().nullable(),
    message: z.string().openapi({ description: "Its first 1000 characters; the execution has all of it." }),
    approvers: z.array(z.string()).openapi({ description: "Names of the tokens that may decide; empty for all." }),
    since: momentOut(),
    until: momentOut().nullable().openapi({ description: "When `on_timeout` decides." }),
  })
  .openapi("Approval");

function fromApproval(approval: WaitingApproval): z.output<typeof ApprovalSchema> {
  return {
    execution_id: approval.executionId,
    job_id: approval.jobId,
    job_name: approval.jobName,
    step: approval.step,
    name: approval.name,
    message: approval.message,
    approvers: [...approval.approvers],
    since: iso(approval.sinceMs),
    until: isoOrNull(approval.untilMs),
  };
}

const APPROVAL_EXAMPLE: z.output<typeof ApprovalSchema> = {
  execution_id: WAITING_EXECUTION_EXAMPLE.id,
  job_id: WAITING_EXECUTION_EXAMPLE.job_id,
  job_name: WAITING_EXECUTION_EXAMPLE.job_name,
  step: "sign-off",
  name: null,
  message: "Write to ada@example.com?",
  approvers: ["Grace"],
  since: "2030-01-31T02:00:00.153Z",
  until: "2030-02-01T02:00:00.153Z",
};

const ApprovalsQuery = object(pageQuery);

export const listApprovalsOperation: Operation = {
  access: "read",
  contract: {
    id: "listApprovals",
    method: "get",
    path: "/v1/approvals",
    tag: "Approvals",
    summary: "List what waits for a person",
    description:
      "Every approval step of the workspace that waits for a decision, newest executions first. The list may be two " +
      "seconds behind. Of one execution the first 100 are listed at a time.",
    query: ApprovalsQuery,
    queryExample: "?limit=50",
    answers: {
      200: {
        description: "One page of approvals.",
        schema: listOf(ApprovalSchema),
        example: { data: [APPROVAL_EXAMPLE], pagination: PAGINATION_EXAMPLE },
      },
    },
    errors: [],
  },
  async handle({ services, workspaceId, query, token }) {
    const read = readQuery(ApprovalsQuery, query);
    if (!read.ok) return read;
    const request = toPageRequest(read.value);
    if (!request.ok) return request;
    const page = await listApprovals(services, workspaceId, request.value);
    if (!page.ok) return page;
    return ok({ status: 200, body: maskLinks(fromPage(page.value, request.value, fromApproval), token.role) });
  },
};

const DecisionBody = object({
  comment: optional(text(0, COMMENT_CHARACTERS_MOST)).openapi({ description: "Recorded with who and when." }),
}).openapi("Decision");

function decisionOperation(decision: "approve" | "reject"): Operation {
  return {
    access: "write",
    contract: {
      id: `${decision}Step`,
      method: "post",
      path: `/v1/executions/{execution_id}/steps/{step}/${decision}`,
      tag: "Approvals",
      summary: decision === "approve" ? "Approve a step" : "Reject a step",
      description:
        "Decides an approval step that waits, named by its path, or by its id where only one step has it. Where the step " +
        "has `approvers`, the token must have the name of one, in any case, or be an owner's. The step's output says who " +
        "decided (the token's name and id), when, and the comment.",
      body: { schema: DecisionBody, example: { comment: "Checked the numbers." }, optional: true },
      answers: {
        200: {
          description: "The execution, which goes on.",
          schema: ExecutionSchema,
          example: { ...WAITING_EXECUTION_EXAMPLE, status: "running", waiting: null },
        },
      },
      errors: ["not_found", "not_waiting", "actor_unavailable"],
    },
    async handle(input) {
      const body = readBody(DecisionBody, jsonBody(input));
      if (!body.ok) return body;
      const comment = body.value.comment ?? "";
      const execution = await decideApproval(input.services, input.token, {
        executionId: input.id,
        step: param(input, "step"),
        decision,
        comment: comment.trim() === "" ? null : comment,
      });
      return execution.ok ? ok({ status: 200, body: fromExecution(execution.value, input.token.role) }) : execution;
    },
  };
}

export const approveStepOperation = decisionOperation("approve");
export const rejectStepOperation = decisionOperation("reject");
