/** Starting an execution by hand, at once or later, and moving one that is not due yet. */

import { IDEMPOTENCY_WINDOW_MS, startExecution } from "../../app/executions/startExecution.ts";
import { rescheduleExecution } from "../../app/executions/rescheduleExecution.ts";
import { invalid } from "../../app/errors.ts";
import { ok } from "../../domain/result.ts";
import type { Operation } from "../operation.ts";
import { jsonBody } from "../operation.ts";
import { readBody } from "../readInput.ts";
import { IdempotencyHeaders, readIdempotencyKey } from "./idempotencyKey.ts";
import {
  DELAYED_EXECUTION_EXAMPLE,
  ExecutionSchema,
  QUEUED_EXECUTION_EXAMPLE,
  fromExecution,
} from "./schemas/execution.ts";
import { RescheduleBody, RunNowBody, toDueMs, toStartRequest } from "./schemas/start.ts";

export const runNowOperation: Operation = {
  access: "write",
  contract: {
    id: "runJobNow",
    method: "post",
    path: "/v1/jobs/{job_id}/run-now",
    tag: "Jobs",
    summary: "Run a job now",
    description:
      "Starts an execution with source manual, in any state of the job, or later where a delay is given. The schedule is " +
      "unaffected. The execution can be read at once. Without an `input`, templates see `{}`. With an `Idempotency-Key`, " +
      "the same key on the same job answers 200 with the first execution, for 30 days, whatever the body.",
    headers: IdempotencyHeaders,
    body: {
      schema: RunNowBody,
      example: { input: { order_id: "o_1001" } },
      moreExamples: {
        "In an hour, for one customer at a time": {
          input: { customer: "c_42" },
          delay_seconds: 3_600,
          ttl_seconds: 600,
          max_attempts: 1,
          concurrency_key: "c_42",
        },
      },
      optional: true,
    },
    answers: {
      202: { description: "The execution is queued.", schema: ExecutionSchema, example: QUEUED_EXECUTION_EXAMPLE },
      200: {
        description: "The execution that this key started before.",
        schema: ExecutionSchema,
        example: QUEUED_EXECUTION_EXAMPLE,
      },
    },
    errors: ["not_found", "already_finished", "backlog_full", "actor_unavailable"],
  },
  async handle(input) {
    const { services, workspaceId, id } = input;
    const body = readBody(RunNowBody, jsonBody(input));
    if (!body.ok) return body;
    const key = readIdempotencyKey(input.headers);
    if (!key.ok) return key;
    const request = toStartRequest(body.value, services.clock.now());
    if (!request.ok) return request;
    const started = await startExecution(services, workspaceId, id, {
      source: "manual",
      ...request.value,
      ...(key.value === null
        ? {}
        : { idempotency: { key: key.value, shown: key.value, windowMs: IDEMPOTENCY_WINDOW_MS } }),
    });
    if (!started.ok) return started;
    const { execution, isDuplicate } = started.value;
    const headers = { location: `/v1/executions/${execution.id}` };
    return ok({ status: isDuplicate ? 200 : 202, body: fromExecution(execution), headers });
  },
};

export const rescheduleExecutionOperation: Operation = {
  access: "write",
  contract: {
    id: "rescheduleExecution",
    method: "post",
    path: "/v1/executions/{execution_id}/reschedule",
    tag: "Executions",
    summary: "Move a delayed execution",
    description:
      "Gives an execution that is queued and not due yet another due time. Its id stays, and its place in lists, which go " +
      "by the due time that it had when it was started. `ttl_seconds` counts from the new one.",
    body: { schema: RescheduleBody, example: { delay_seconds: 3_600 } },
    answers: {
      200: { description: "The execution as it is now.", schema: ExecutionSchema, example: DELAYED_EXECUTION_EXAMPLE },
    },
    errors: ["not_found", "not_delayed", "actor_unavailable"],
  },
  async handle(input) {
    const { services, workspaceId, id } = input;
    const body = readBody(RescheduleBody, jsonBody(input));
    if (!body.ok) return body;
    const dueMs = toDueMs(body.value, services.clock.now());
    if (!dueMs.ok) return dueMs;
    if (dueMs.value === null) return invalid([{ path: "run_at", message: "is required, or delay_seconds" }]);
    const execution = await rescheduleExecution(services, workspaceId, id, dueMs.value);
    return execution.ok ? ok({ status: 200, body: fromExecution(execution.value) }) : execution;
  },
};
