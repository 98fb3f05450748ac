/** How each type of step begins: what it resolves, what it waits for, and what ends at once. */

import type { ExecutionError } from "../execution/execution.ts";
import { childExecutionId } from "../ids.ts";
import type { JsonValue } from "../json.ts";
import { keepReferences, renderRequest } from "../template/requestTemplate.ts";
import {
  DEPTH_MOST,
  type HttpStep,
  ITEMS_MOST,
  type RunJobStep,
  type StepDefinition,
  WAIT_SECONDS_MOST,
  type WaitStep,
} from "../workflow/definition.ts";
import { callbackUrl } from "../workflow/links.ts";
import { STATE_TOO_LARGE } from "../workflow/resolve.ts";
import type { Progress } from "./progress.ts";

/** A `run_job` step asks again this much later whether its child exists, in case that its job was deleted meanwhile. */
export const CHILD_CHECK_MS = 60 * 60 * 1_000;

export function startStep(progress: Progress, step: StepDefinition, path: string): void {
  switch (step.type) {
    case "http":
      return startHttp(progress, step, path);
    case "wait":
      return startWait(progress, step, path);
    case "wait_for_webhook":
      return startWaitForWebhook(progress, step, path);
    case "approval": {
      const message = progress.resolve(step.message, step, path);
      if (!message.ok) return fail(progress, step, path, message.error);
      return park(progress, step, path, step.timeoutSeconds, {
        message: typeof message.value === "string" ? message.value : JSON.stringify(message.value),
        approvers: step.approvers,
      });
    }
    case "condition": {
      const held = progress.condition(step.if, step, path);
      if (!held.ok) return fail(progress, step, path, held.error);
      progress.reach(step, path, "running", { output: { result: held.value } });
      return;
    }
    case "parallel":
      return progress.reach(step, path, "running", { input: { branches: step.branches.length } });
    case "for_each": {
      const items = progress.resolve(step.items, step, path);
      if (!items.ok) return fail(progress, step, path, items.error);
      const problem = problemOfItems(items.value);
      if (problem !== null) return fail(progress, step, path, problem);
      return progress.reach(step, path, "running", { input: { items: items.value } });
    }
    case "transform": {
      const output = progress.resolve(step.value, step, path);
      if (!output.ok) return fail(progress, step, path, output.error);
      return progress.reach(step, path, "succeeded", { output: output.value });
    }
    case "run_job":
      return startRunJob(progress, step, path);
  }
}

export function fail(progress: Progress, step: StepDefinition, path: string, error: ExecutionError): void {
  progress.reach(step, path, "failed", { error });
}

/** The request as it will be sent, secrets left as references; the consumer renders it again, with them. */
function startHttp(progress: Progress, step: HttpStep, path: string): void {
  const { url, headers, body, method } = step.request;
  if (!progress.isRenderable([url, headers, body], step, path)) return fail(progress, step, path, STATE_TOO_LARGE);
  const rendered = renderRequest(step.request, { ...progress.scopeOf(step, path), attempt: 1 }, keepReferences);
  // Only a missing secret is an error, and none is looked up here.
  const input: JsonValue = rendered.ok ? { method, ...rendered.value } : null;
  progress.reach(step, path, "pending", { input });
  progress.wake(path);
}

function startWait(progress: Progress, step: WaitStep, path: string): void {
  const until = waitEnd(progress, step, path);
  if (typeof until !== "number") return fail(progress, step, path, until);
  const output = { waited_until: new Date(until).toISOString() };
  if (until <= progress.nowMs) return progress.reach(step, path, "succeeded", { output });
  progress.reach(step, path, "waiting", { input: { until: output.waited_until }, waitUntilMs: until });
  progress.park(path, until);
}

function waitEnd(progress: Progress, step: WaitStep, path: string): number | ExecutionError {
  if (step.until === null) return progress.nowMs + (step.durationSeconds ?? 0) * 1_000;
  const resolved = progress.resolve(step.until, step, path);
  if (!resolved.ok) return resolved.error;
  const { value } = resolved;
  const untilMs = typeof value === "number" ? value : typeof value === "string" ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(untilMs) || Math.abs(untilMs) > 8.64e15) {
    return {
      code: "invalid_wait",
      message: `"until" must be an ISO 8601 time or epoch milliseconds, not ${shown(value)}.`,
    };
  }
  if (untilMs - progress.nowMs <= WAIT_SECONDS_MOST * 1_000) return untilMs;
  return { code: "invalid_wait", message: `"until" is more than 365 days away: ${new Date(untilMs).toISOString()}.` };
}

function shown(value: JsonValue): string {
  return JSON.stringify(value).slice(0, 100);
}

/** A call that was faster than the execution is taken up here. */
function startWaitForWebhook(
  progress: Progress,
  step: Extract<StepDefinition, { type: "wait_for_webhook" }>,
  path: string,
): void {
  const { key } = progress.view;
  const { publicUrl } = progress.job;
  const url = callbackUrl({ publicUrl, executionId: progress.live.execution.id, key }, path);
  const input = { callback_url: url };
  if (!Object.hasOwn(progress.early, path)) return park(progress, step, path, step.timeoutSeconds, input);
  const { [path]: payload, ...others } = progress.early;
  progress.early = others;
  progress.reach(step, path, "succeeded", { input, output: payload ?? null });
}

function park(progress: Progress, step: StepDefinition, path: string, seconds: number, input: JsonValue): void {
  const untilMs = progress.nowMs + seconds * 1_000;
  progress.reach(step, path, "waiting", { input, waitUntilMs: untilMs });
  progress.park(path, untilMs);
}

function problemOfItems(items: JsonValue): ExecutionError | null {
  if (!Array.isArray(items)) {
    return { code: "invalid_items", message: `"items" must be a list, not ${shown(items)}.` };
  }
  if (items.length <= ITEMS_MOST) return null;
  return {
    code: "too_many_items",
    message: `"items" has ${items.length} elements; at most ${ITEMS_MOST} are allowed.`,
  };
}

/** Parks also where it does not wait for the end, until the other job has taken the execution. */
function startRunJob(progress: Progress, step: RunJobStep, path: string): void {
  const input = progress.resolve(step.input, step, path);
  if (!input.ok) return fail(progress, step, path, input.error);
  const { execution } = progress.live;
  const depth = (execution.parent?.depth ?? 0) + 1;
  if (depth > DEPTH_MOST) {
    const message = `Executions may start one another at most ${DEPTH_MOST} levels deep.`;
    return fail(progress, step, path, { code: "depth_exceeded", message });
  }
  const childId = childExecutionId(step.jobId, progress.nowMs, `${execution.id}/${path}`, progress.children);
  const untilMs = progress.nowMs + step.timeoutSeconds * 1_000;
  progress.reach(step, path, "waiting", {
    input: { job_id: step.jobId, input: input.value },
    waitUntilMs: untilMs,
    child: childId,
  });
  if (progress.tooLarge) return;
  progress.children.push(childId);
  progress.park(path, Math.min(untilMs, progress.nowMs + CHILD_CHECK_MS));
  progress.errands.push(startErrand(progress, step, path, childId));
}

export function startErrand(
  progress: Progress,
  step: RunJobStep,
  path: string,
  childId: string,
): Progress["errands"][number] {
  const { id, parent } = progress.live.execution;
  return {
    type: "start_child",
    id: `start:${childId}`,
    workspaceId: progress.job.workspaceId,
    jobId: step.jobId,
    childId,
    parent: { executionId: id, step: path, depth: (parent?.depth ?? 0) + 1, waits: step.waits },
    dueMs: progress.nowMs,
    tries: 0,
  };
}
