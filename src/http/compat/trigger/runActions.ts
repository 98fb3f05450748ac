/** `runs.cancel`, `runs.replay` and `runs.reschedule`. */

import { z } from "@hono/zod-openapi";
import { cancelExecution } from "../../../app/executions/cancelExecution.ts";
import { startAgain } from "../../../app/executions/startAgain.ts";
import { rescheduleExecution } from "../../../app/executions/rescheduleExecution.ts";
import { invalid } from "../../../app/errors.ts";
import { ok } from "../../../domain/result.ts";
import { anyJson, optional } from "../../fields.ts";
import type { Endpoint } from "../../operation.ts";
import { jsonBody } from "../../operation.ts";
import { readBody } from "../../readInput.ts";
import { toRunId } from "../ids.ts";
import { readMomentField, textOrNumber } from "./bodies.ts";
import { MOMENT_FORMAT } from "./duration.ts";
import { unprocessable } from "./refusal.ts";
import { answerRun, executionIdIn } from "./runs.ts";
import { TriggerOptions, readTrigger } from "./triggerOptions.ts";

/** A run that has ended already is as cancelled as it can be: 200, as Trigger.dev answers. */
export const cancelRun: Endpoint = {
  access: "write",
  contract: { id: "cancelRun", method: "post", path: "/api/v2/runs/{run_id}/cancel", body: { optional: true } },
  async handle(input) {
    const id = executionIdIn(input);
    const cancelled = await cancelExecution(input.services, input.workspaceId, id);
    if (!cancelled.ok && cancelled.error.code !== "already_finished") return cancelled;
    return ok({ status: 200, body: { id: toRunId(id) } });
  },
};

/** The options of a trigger, all on one level; what is left out is as in the original. */
const ReplayBody = TriggerOptions.extend({
  payload: optional(anyJson()),
  queue: optional(z.string()),
});

export const replayRun: Endpoint = {
  access: "write",
  contract: { id: "replayRun", method: "post", path: "/api/v1/runs/{run_id}/replay", body: { optional: true } },
  async handle(input) {
    const body = readBody(ReplayBody, jsonBody(input));
    if (!body.ok) return body;
    const { services, workspaceId } = input;
    const { payload, queue, ...options } = body.value;
    const asked = { payload, options: { ...options, ...(queue == null ? {} : { queue: { name: queue } }) } };
    const trigger = readTrigger("", asked, { nowMs: services.clock.now() });
    if (!trigger.ok) return trigger;
    const { request, labels } = trigger.value;
    const started = await startAgain(
      services,
      workspaceId,
      executionIdIn(input),
      { ...request, source: "replay" },
      {
        ...(options.tags == null ? {} : { tags: labels.tags }),
        ...(options.metadata == null ? {} : { metadata: labels.metadata }),
      },
    );
    return started.ok ? ok({ status: 200, body: { id: toRunId(started.value.execution.id) } }) : started;
  },
};

const RescheduleBody = z.object({ delay: textOrNumber(MOMENT_FORMAT) });

export const rescheduleRun: Endpoint = {
  access: "write",
  contract: { id: "rescheduleRun", method: "post", path: "/api/v1/runs/{run_id}/reschedule", body: {} },
  async handle(input) {
    const body = readBody(RescheduleBody, jsonBody(input));
    if (!body.ok) return body;
    const { services, workspaceId } = input;
    const nowMs = services.clock.now();
    const untilMs = readMomentField("delay", body.value.delay, nowMs);
    if (!untilMs.ok) return untilMs;
    if (untilMs.value === undefined || untilMs.value <= nowMs) {
      return invalid([{ path: "delay", message: "must be in the future" }]);
    }
    const moved = await rescheduleExecution(services, workspaceId, executionIdIn(input), untilMs.value);
    if (moved.ok) return ok(await answerRun(input, moved.value));
    if (moved.error.code !== "invalid_request") return moved;
    return ok(unprocessable(moved.error.issues.map(({ message }) => ({ path: "delay", message }))));
  },
};
