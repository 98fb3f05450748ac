/** `tasks.trigger` and `idempotencyKeys.reset`. A task is a job, named by its name or its id. */

import { z } from "@hono/zod-openapi";
import type { AppError, Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import { startLabelled } from "../../../app/executions/startLabelled.ts";
import { findTask } from "../../../app/jobs/findTask.ts";
import { forgetIdempotencyKey } from "../../../app/jobs/jobQueue.ts";
import { err, ok } from "../../../domain/result.ts";
import type { Endpoint } from "../../operation.ts";
import { jsonBody, param } from "../../operation.ts";
import { readBody } from "../../readInput.ts";
import { toRunId } from "../ids.ts";
import { absent } from "./refusal.ts";
import { TriggerBody, readTrigger } from "./triggerOptions.ts";

/** The client sends up to 128 KB of payload inline, as JSON inside of JSON. */
const TRIGGER_BYTES_MOST = 1_024 * 1_024;

export const triggerTask: Endpoint = {
  access: "write",
  contract: {
    id: "triggerTask",
    method: "post",
    path: "/api/v1/tasks/{task}/trigger",
    body: { optional: true, bytesMost: TRIGGER_BYTES_MOST },
  },
  async handle(input) {
    const body = readBody(TriggerBody, jsonBody(input));
    if (!body.ok) return body;
    const { services, workspaceId, headers } = input;
    const task = param(input, "task");
    const trigger = readTrigger(task, body.value, { nowMs: services.clock.now(), headers });
    if (!trigger.ok) return trigger;
    const job = await findTask(services, workspaceId, task);
    if (!job.ok) return ok(noSuchTask(task));
    const { request, labels } = trigger.value;
    const started = await startLabelled(services, workspaceId, job.value.id, request, labels);
    if (!started.ok) return ofPayload(started.error);
    const { execution, isDuplicate } = started.value;
    return ok({ status: 200, body: { id: toRunId(execution.id), isCached: isDuplicate } });
  },
};

/** What the engine calls the input is the payload to the client. */
function ofPayload(error: AppError): Outcome<never> {
  if (error.code !== "invalid_request") return err(error);
  return invalid(error.issues.map(({ path, message }) => ({ path: path.replace(/^input\b/, "payload"), message })));
}

const ResetBody = z.object({ taskIdentifier: z.string() });

export const resetIdempotencyKey: Endpoint = {
  access: "write",
  contract: { id: "resetIdempotencyKey", method: "post", path: "/api/v1/idempotencyKeys/{key}/reset", body: {} },
  async handle(input) {
    const body = readBody(ResetBody, jsonBody(input));
    if (!body.ok) return body;
    const { services, workspaceId } = input;
    const { taskIdentifier } = body.value;
    const job = await findTask(services, workspaceId, taskIdentifier);
    if (!job.ok) return ok(noSuchTask(taskIdentifier));
    const key = param(input, "key");
    const forgotten = await forgetIdempotencyKey(services, workspaceId, job.value.id, key);
    if (!forgotten.ok) return forgotten;
    if (!forgotten.value) return ok(absent(`No run of ${JSON.stringify(taskIdentifier)} was started with this key.`));
    return ok({ status: 200, body: { id: key } });
  },
};

function noSuchTask(task: string) {
  return absent(
    `There is no task ${JSON.stringify(task)}: a task is a job of this workspace, named by its name or its id.`,
  );
}
