/** `POST /v1/jobs/{job_id}/test`: what a job's request comes to. */

import { z } from "@hono/zod-openapi";
import { testJob } from "../../app/jobs/testJob.ts";
import type { JobTest } from "../../app/jobs/testJob.ts";
import { HTTP_METHODS } from "../../domain/job/request.ts";
import { ok } from "../../domain/result.ts";
import type { Operation } from "../operation.ts";
import { jsonBody } from "../operation.ts";
import { readBody } from "../readInput.ts";
import { NOTHING, NothingBody } from "./jobActions.ts";

const JobTestSchema = z
  .strictObject({
    success: z.boolean().openapi({ description: "Whether an attempt with this result succeeds." }),
    request: z
      .strictObject({
        method: z.enum(HTTP_METHODS),
        url: z.string(),
        headers: z.record(z.string(), z.string()),
        body: z.string().nullable(),
      })
      .nullable()
      .openapi({ description: "As it was sent, secrets masked; null when nothing was sent." }),
    response: z
      .strictObject({
        status: z.int(),
        headers: z.record(z.string(), z.string()),
        body: z.string(),
        body_truncated: z.boolean(),
      })
      .nullable()
      .openapi({ description: "Secrets masked; at most 64 KB of the body." }),
    latency_ms: z.number(),
    error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
    rules: z
      .array(z.strictObject({ rule: z.string(), ok: z.boolean(), expected: z.string(), got: z.string() }))
      .openapi({ description: "Each response rule's verdict." }),
    output: z.record(z.string(), z.unknown()).nullable(),
  })
  .openapi("JobTest");

function fromJobTest({ request, attempt, bodyTruncated, rules, output }: JobTest): z.output<typeof JobTestSchema> {
  const { statusCode, errorClass, errorMessage } = attempt;
  return {
    success: attempt.status === "SUCCESS",
    request:
      request === null
        ? null
        : { method: request.method, url: request.url, headers: { ...request.headers }, body: request.body },
    response:
      statusCode === null
        ? null
        : {
            status: statusCode,
            headers: { ...attempt.responseHeaders },
            body: attempt.bodyPreview ?? "",
            body_truncated: bodyTruncated,
          },
    latency_ms: attempt.latencyMs,
    error: errorClass === null ? null : { code: errorClass, message: errorMessage ?? "" },
    rules: rules.map(({ rule, ok: holds, expected, got }) => ({ rule, ok: holds, expected, got })),
    output,
  };
}

export const testJobOperation: Operation = {
  access: "write",
  contract: {
    id: "testJob",
    method: "post",
    path: "/v1/jobs/{job_id}/test",
    tag: "Jobs",
    summary: "Test a job",
    description:
      "Sends the job's saved request once, in any state of the job, as an attempt would: with its secrets, signature, " +
      "target guard and rules. Nothing is recorded or retried. Answers when the target has, within `timeout_seconds`.",
    body: NOTHING,
    answers: {
      200: {
        description: "What was sent, what came back, and how it is judged.",
        schema: JobTestSchema,
        example: {
          success: false,
          request: {
            method: "POST",
            url: "https://api.example.com/sync",
            headers: { Authorization: "Bearer [secret]", "Content-Type": "application/json" },
            body: '{"full":true}',
          },
          response: {
            status: 200,
            headers: { "content-type": "application/json" },
            body: '{"ok":false}',
            body_truncated: false,
          },
          latency_ms: 138,
          error: {
            code: "response_mismatch",
            message: "The response broke a rule: assertions[0] (expected json $.ok eq true, got false).",
          },
          rules: [{ rule: "assertions[0]", ok: false, expected: "json $.ok eq true", got: "false" }],
          output: null,
        },
      },
    },
    errors: ["not_found", "invalid_state"],
  },
  async handle(input) {
    const body = readBody(NothingBody, jsonBody(input));
    if (!body.ok) return body;
    const tested = await testJob(input.services, input.workspaceId, input.id);
    return tested.ok ? ok({ status: 200, body: fromJobTest(tested.value) }) : tested;
  },
};
