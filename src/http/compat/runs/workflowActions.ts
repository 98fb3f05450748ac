/** `POST /api/v1/workflows/:id/activate`, `/pause` and `/run`. */

import { IDEMPOTENCY_WINDOW_MS, startExecution } from "../../../app/executions/startExecution.ts";
import type { Outcome } from "../../../app/errors.ts";
import { transitionJob } from "../../../app/jobs/changeJob.ts";
import { viewJob } from "../../../app/jobs/viewJob.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import { isFinished } from "../../../domain/execution/execution.ts";
import type { Job } from "../../../domain/job/job.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { ok } from "../../../domain/result.ts";
import { triggerInputOf } from "../../../domain/trigger/event.ts";
import { object, oneOf, optional, text, wholeNumber } from "../../fields.ts";
import type { Answer, Endpoint } from "../../operation.ts";
import { jsonBody } from "../../operation.ts";
import { readBody } from "../../readInput.ts";
import { toRunId, toWorkflowId } from "../ids.ts";
import { failure, named, success } from "./envelope.ts";
import { jsonMap } from "./jsonMap.ts";
import { toRun } from "./runView.ts";
import { runStatus } from "./runStatus.ts";
import { unavailable } from "./unavailable.ts";
import { untilFinished } from "./untilFinished.ts";
import { toWorkflow } from "./workflowView.ts";
import { findWorkflow } from "./workflows.ts";

/** Whatever a client sends along says nothing. */
const NOTHING = { any: true } as const;

export const activateWorkflow: Endpoint = {
  access: "write",
  contract: { id: "activateWorkflow", method: "post", path: "/api/v1/workflows/{id}/activate", body: NOTHING },
  async handle(input) {
    const { services, workspaceId } = input;
    const view = await findWorkflow(input);
    if (!view.ok) return view;
    const { id, state } = view.value.job;
    // There, activating is also what ends a pause.
    const transition = state === "paused" ? "resume" : "activate";
    const job = named("Workflow", await transitionJob(services, workspaceId, id, transition));
    return job.ok ? ok(success(toWorkflow(await viewJob(services, job.value)))) : job;
  },
};

export const pauseWorkflow: Endpoint = {
  access: "write",
  contract: { id: "pauseWorkflow", method: "post", path: "/api/v1/workflows/{id}/pause", body: NOTHING },
  async handle(input) {
    const { services, workspaceId } = input;
    const view = await findWorkflow(input);
    if (!view.ok) return view;
    const job = named("Workflow", await transitionJob(services, workspaceId, view.value.job.id, "pause"));
    return job.ok ? ok(success(toWorkflow(await viewJob(services, job.value)))) : job;
  },
};

/**
 * How long a call may wait for its run. A Worker may wait for as long as its client does, but proxies in between give up
 * after a minute or two; what takes longer is polled for.
 */
const SYNC_MS_MOST = 60_000;
const SYNC_MS_DEFAULT = 30_000;
const KEY_CHARACTERS_MOST = 255;

const RunBody = object({
  input: optional(jsonMap("input fields")),
  idempotencyKey: optional(text(1, KEY_CHARACTERS_MOST)),
  mode: optional(oneOf(["async", "sync"])),
  maxExecutionTimeMs: optional(wholeNumber(1, SYNC_MS_MOST)),
  connectionId: unavailable("there are no connections; put credentials into secrets and name them in the steps"),
}).refine(({ mode, maxExecutionTimeMs }) => mode === "sync" || !maxExecutionTimeMs, {
  path: ["maxExecutionTimeMs"],
  error: 'is for mode "sync"',
});

export const runWorkflow: Endpoint = {
  access: "write",
  contract: { id: "runWorkflow", method: "post", path: "/api/v1/workflows/{id}/run", body: { optional: true } },
  async handle(input) {
    const { services, workspaceId } = input;
    const body = readBody(RunBody, jsonBody(input));
    if (!body.ok) return body;
    const view = await findWorkflow(input);
    if (!view.ok) return view;
    const { job } = view.value;
    if (job.state !== "active") return ok(failure("INVALID_STATE", "Can only run active workflows; activate it first"));
    const { idempotencyKey, mode, maxExecutionTimeMs } = body.value;
    const started = await startExecution(services, workspaceId, job.id, {
      source: "api",
      ...inputOf(job, body.value.input ?? {}, services.clock.now()),
      ...(idempotencyKey ? { idempotency: keyOf(idempotencyKey) } : {}),
    });
    if (!started.ok) return named("Workflow", started);
    const { execution } = started.value;
    if (mode !== "sync") return accepted(execution);
    const ended = await untilFinished(services, execution, maxExecutionTimeMs ?? SYNC_MS_DEFAULT);
    return isFinished(ended.status) ? finished(ended) : accepted(ended);
  },
};

/** To the steps of a workflow that webhooks start, the input is the body of a webhook. */
function inputOf(job: Job, input: JsonValue, nowMs: number): { readonly input: JsonValue; triggerInput?: JsonValue } {
  if (job.schedule.kind !== "webhook_trigger") return { input };
  const contentType = "application/json";
  const event = { method: "POST", headers: {}, query: [], contentType, body: input, receivedAtMs: nowMs };
  return { input, triggerInput: triggerInputOf(event, null) };
}

function keyOf(key: string) {
  return { key, shown: key, windowMs: IDEMPOTENCY_WINDOW_MS };
}

function headOf(execution: Execution) {
  return {
    runId: toRunId(execution.id),
    status: runStatus(execution),
    workflowId: toWorkflowId(execution.jobId),
    workflowVersion: execution.jobVersion,
  };
}

/** The run goes on; `GET /api/v1/runs/:id` tells how. */
function accepted(execution: Execution): Outcome<Answer> {
  return ok(success(headOf(execution), 202));
}

function finished(execution: Execution): Outcome<Answer> {
  return ok(success({ ...headOf(execution), ...toRun(execution) }));
}
