/** `/v1/approvals/{execution_id}/{step}/{token}`: the pages behind the links of approvals, for people without a token. */

import { z } from "@hono/zod-openapi";
import type { ApprovalLink } from "../../app/approvals/approvalLink.ts";
import { decideByLink, viewApproval } from "../../app/approvals/approvalLink.ts";
import { COMMENT_CHARACTERS_MOST } from "../../app/approvals/decideApproval.ts";
import { parseInboundBody } from "../../app/inbound/inboundBody.ts";
import { ok } from "../../domain/result.ts";
import type { AnswerContract, Input, Operation } from "../operation.ts";
import { anyBody, param } from "../operation.ts";
import { approvalPage } from "../pages/approvalPage.ts";

function pageContract(description: string, title: string): AnswerContract {
  return { description, schema: z.string(), contentType: "text/html", example: `<!doctype html>…<h1>${title}</h1>…` };
}

const PAGES = {
  404: pageContract("A wrong link.", "This link opens nothing"),
  409: pageContract("The execution has not come to this step.", "There is nothing to decide yet"),
  410: pageContract(
    "The link was used, or its time or its execution is over; it says who decided what, and when.",
    "This was decided already",
  ),
  503: pageContract("The execution could not be reached; nothing was decided.", "Not just now"),
};

function linkOf(input: Input): ApprovalLink {
  return { executionId: input.id, step: param(input, "step"), token: param(input, "token") };
}

export const approvalPageOperation: Operation = {
  access: "public",
  contract: {
    id: "approvalPage",
    method: "get",
    path: "/v1/approvals/{execution_id}/{step}/{token}",
    tag: "Approvals",
    summary: "Open an approval's link",
    description:
      "The page of the link that steps get as `{{approvals.ID.url}}`: what is to be decided, a comment, two buttons. " +
      "Opening it decides nothing. Whoever has the link may decide; it works once.",
    answers: { 200: pageContract("What is to be decided.", "A decision is needed"), ...PAGES },
    errors: [],
  },
  async handle(input) {
    const link = linkOf(input);
    const wanted = input.query.get("decision");
    const outcome = await viewApproval(input.services, link);
    return ok(await approvalPage(outcome, link.token, wanted === "approve" || wanted === "reject" ? wanted : null));
  },
};

function decisionOperation(decision: "approve" | "reject"): Operation {
  return {
    access: "public",
    contract: {
      id: `${decision}ByLink`,
      method: "post",
      path: `/v1/approvals/{execution_id}/{step}/{token}/${decision}`,
      tag: "Approvals",
      summary: decision === "approve" ? "Approve by link" : "Reject by link",
      description: "What a button of the page sends: a form, with a `comment` that may be empty.",
      body: {
        schema: z.object({ comment: z.string().optional() }),
        example: { comment: "Checked the numbers." },
        any: true,
      },
      answers: {
        200: pageContract("The decision was recorded.", decision === "approve" ? "Approved" : "Rejected"),
        ...PAGES,
      },
      errors: [],
    },
    async handle(input) {
      const link = linkOf(input);
      const outcome = await decideByLink(input.services, link, decision, await commentOf(input));
      return ok(await approvalPage(outcome, link.token, null));
    },
  };
}

export const approveByLinkOperation = decisionOperation("approve");
export const rejectByLinkOperation = decisionOperation("reject");

/** Browsers send line ends as CR LF, which they did not count; a comment that is too long anyway is cut, not lost. */
async function commentOf(input: Input): Promise<string | null> {
  const form = await parseInboundBody(anyBody(input));
  if (typeof form !== "object" || form === null || !("comment" in form)) return null;
  const { comment } = form;
  if (typeof comment !== "string" || comment.trim() === "") return null;
  return comment.replaceAll("\r\n", "\n").slice(0, COMMENT_CHARACTERS_MOST);
}
