/** `/v1/executions/{execution_id}/retry` and `/restart`: a new execution that goes on from a step of a finished one. */

import type { Outcome } from "../../app/errors.ts";
import { restartExecution } from "../../app/executions/restartExecution.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import type { JsonValue } from "../../domain/json.ts";
import { ok } from "../../domain/result.ts";
import type { Token } from "../../domain/workspace/workspace.ts";
import { anyJson, object, text } from "../fields.ts";
import type { Answer, Operation } from "../operation.ts";
import { jsonBody } from "../operation.ts";
import { readBody } from "../readInput.ts";
import { NOTHING, NothingBody } from "./jobActions.ts";
import { ExecutionSchema, RESTARTED_EXECUTION_EXAMPLE, fromExecution } from "./schemas/execution.ts";

/** Of a step's path: ten levels of ids and indexes. */
const PATH_CHARACTERS_MOST = 2_000;

const ANSWERS = {
  202: { description: "The new execution is queued.", schema: ExecutionSchema, example: RESTARTED_EXECUTION_EXAMPLE },
};
const ERRORS = [
  "not_found",
  "no_steps",
  "not_finished",
  "not_restartable",
  "backlog_full",
  "actor_unavailable",
] as const;

const KEEPS =
  "The new execution has source restart and links `restarted_from`; it keeps the outputs of the steps before, also " +
  "inside `condition`, `parallel` and `for_each`. It runs under the job as it is defined now. The original is unchanged.";

export const retryExecutionOperation: Operation = {
  access: "write",
  contract: {
    id: "retryExecution",
    method: "post",
    path: "/v1/executions/{execution_id}/retry",
    tag: "Executions",
    summary: "Retry from the failed step",
    description: `Begins a finished execution anew from its first failed step. ${KEEPS}`,
    body: NOTHING,
    answers: ANSWERS,
    errors: ERRORS,
  },
  async handle(input) {
    const body = readBody(NothingBody, jsonBody(input));
    if (!body.ok) return body;
    return started(await restartExecution(input.services, input.workspaceId, input.id, { step: null }), input.token);
  },
};

const RestartBody = object({
  from_step: text(1, PATH_CHARACTERS_MOST).openapi({ description: "The id or the path of a step that it reached." }),
  override_input: anyJson()
    .optional()
    .openapi({
      description:
        "Laid over the original's input, member by member where both are objects. What comes of it is held against the " +
        "job's `input_schema`.",
    }),
}).openapi("Restart");

export const restartExecutionOperation: Operation = {
  access: "write",
  contract: {
    id: "restartExecution",
    method: "post",
    path: "/v1/executions/{execution_id}/restart",
    tag: "Executions",
    summary: "Restart from a step",
    description: `Begins a finished execution anew from any step that it reached. ${KEEPS}`,
    body: { schema: RestartBody, example: { from_step: "lookup", override_input: { customer: "c_43" } } },
    answers: ANSWERS,
    errors: ERRORS,
  },
  async handle(input) {
    const body = readBody(RestartBody, jsonBody(input));
    if (!body.ok) return body;
    const { from_step: step, override_input: override } = body.value;
    // It was parsed from JSON, so it is some.
    const from = { step, ...(override === undefined ? {} : { overrideInput: override as JsonValue }) };
    return started(await restartExecution(input.services, input.workspaceId, input.id, from), input.token);
  },
};

function started(execution: Outcome<Execution>, { role }: Token): Outcome<Answer> {
  if (!execution.ok) return execution;
  const headers = { location: `/v1/executions/${execution.value.id}` };
  return ok({ status: 202, body: fromExecution(execution.value, role), headers });
}
