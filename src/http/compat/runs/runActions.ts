/** `POST /api/v1/runs/:id/cancel`, `/retry` and `/restart`: which state allows what, as the seed has it. */

import { cancelExecution } from "../../../app/executions/cancelExecution.ts";
import { replayExecution } from "../../../app/executions/replayExecution.ts";
import { findFailedStep, restartExecution } from "../../../app/executions/restartExecution.ts";
import type { Outcome } from "../../../app/errors.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { ok } from "../../../domain/result.ts";
import { object, optional, text } from "../../fields.ts";
import type { Answer, Endpoint, WorkspaceInput } from "../../operation.ts";
import { jsonBody } from "../../operation.ts";
import { readBody } from "../../readInput.ts";
import { iso } from "../../time.ts";
import { toRunId, toWorkflowId } from "../ids.ts";
import { inOwnWords } from "./complaints.ts";
import { failure, named, success } from "./envelope.ts";
import { jsonMap } from "./jsonMap.ts";
import { runStatus } from "./runStatus.ts";
import type { RunStatus } from "./runStatus.ts";
import { findRun } from "./runs.ts";
import { PLAIN_STEP_ID, stepIdOf } from "./stepResults.ts";

/** Of a step's path: ten levels of ids and indexes. */
const PATH_CHARACTERS_MOST = 2_000;

/** A suspended run, which the seed's table leaves out, is one that still goes on. */
const CANCELLABLE: ReadonlySet<RunStatus> = new Set(["pending", "running", "suspended"]);
const RETRIABLE: ReadonlySet<RunStatus> = new Set(["failed", "timeout"]);
const RESTARTABLE: ReadonlySet<RunStatus> = new Set(["completed", "failed", "timeout"]);

/** An action that takes nothing: whatever a client sends along, such as an empty object, says nothing. */
const NOTHING = { any: true } as const;

export const cancelRun: Endpoint = {
  access: "write",
  contract: { id: "cancelRun", method: "post", path: "/api/v1/runs/{id}/cancel", body: NOTHING },
  async handle(input) {
    const found = await findRun(input);
    if (!found.ok) return found;
    const { id } = found.value;
    const cancelled = CANCELLABLE.has(runStatus(found.value))
      ? named("Run", await cancelExecution(input.services, input.workspaceId, id))
      : null;
    // It may have ended between the look and the call.
    if (cancelled === null || (!cancelled.ok && cancelled.error.code === "already_finished")) {
      return ok(failure("INVALID_STATE", "Can only cancel running or pending runs"));
    }
    if (!cancelled.ok) return cancelled;
    return ok(success({ id: toRunId(id), status: "cancelled", message: "Run cancellation requested" }));
  },
};

export const retryRun: Endpoint = {
  access: "write",
  contract: { id: "retryRun", method: "post", path: "/api/v1/runs/{id}/retry", body: NOTHING },
  async handle(input) {
    const found = await findRun(input);
    if (!found.ok) return found;
    const original = found.value;
    if (!RETRIABLE.has(runStatus(original))) {
      return ok(failure("INVALID_STATE", "Can only retry failed runs"));
    }
    if (original.workflow === null) return await begunAgain(input, original, { step: PLAIN_STEP_ID });
    const step = await findFailedStep(input.services, original);
    return step.ok ? await begunAgain(input, original, { step: step.value }) : named("Workflow", step);
  },
};

const RestartBody = object({
  fromStepId: text(1, PATH_CHARACTERS_MOST),
  overrideInput: optional(jsonMap("input fields")),
});

export const restartRun: Endpoint = {
  access: "write",
  contract: { id: "restartRun", method: "post", path: "/api/v1/runs/{id}/restart", body: {} },
  async handle(input) {
    const body = readBody(RestartBody, jsonBody(input));
    if (!body.ok) return body;
    const found = await findRun(input);
    if (!found.ok) return found;
    const original = found.value;
    if (!RESTARTABLE.has(runStatus(original))) {
      return ok(failure("INVALID_STATE", "Can only restart completed or failed runs"));
    }
    const { fromStepId: step, overrideInput } = body.value;
    if (!hasStep(original, step)) return ok(failure("INVALID_STEP", `Step not found: ${step}`));
    return await begunAgain(input, original, { step, ...(overrideInput ? { overrideInput } : {}) });
  },
};

function hasStep({ workflow }: Execution, step: string): boolean {
  if (workflow === null) return step === PLAIN_STEP_ID;
  return workflow.steps.some(({ id, path }) => id === step || path === step);
}

interface From {
  /** The path or the id of a step. */
  readonly step: string;
  readonly overrideInput?: Readonly<Record<string, JsonValue>>;
}

/** What overrides the input of a webhook's run overrides the body that came, which is what its steps call `input`. */
async function begunAgain(
  { services, workspaceId }: WorkspaceInput,
  original: Execution,
  from: From,
): Promise<Outcome<Answer>> {
  const { id, workflow } = original;
  const { step, overrideInput } = from;
  if (workflow === null) {
    return accepted(original, from, await replayExecution(services, workspaceId, id, { overrideInput }));
  }
  const isByWebhook = workflow.triggerInput !== null;
  const override = overrideInput && (isByWebhook ? { overrideBody: overrideInput } : { overrideInput });
  return accepted(original, from, await restartExecution(services, workspaceId, id, { step, ...override }));
}

function accepted(original: Execution, { step }: From, begun: Outcome<Execution>): Outcome<Answer> {
  if (!begun.ok) return named("Workflow", inOwnWords(begun));
  const record = original.workflow?.steps.find(({ path, id }) => path === step || id === step);
  return ok(
    success(
      {
        originalRunId: toRunId(original.id),
        newRunId: toRunId(begun.value.id),
        workflowId: toWorkflowId(original.jobId),
        restartFromStepId: record === undefined || record.path !== step ? step : stepIdOf(record),
        status: "pending",
        createdAt: iso(begun.value.createdAtMs),
      },
      202,
    ),
  );
}
