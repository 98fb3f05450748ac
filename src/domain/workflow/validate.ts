/**
 * Whether steps can be saved: everything that can be said against them before they run, each with its path on the wire
 * (`steps[2].then[0].url`).
 */

import type { FieldIssue } from "../issue.ts";
import { isJobId } from "../ids.ts";
import { validateRequest } from "../job/validateRequest.ts";
import type { JsonValue } from "../json.ts";
import type { TargetPolicy } from "../net/target.ts";
import { validateOutput } from "../response/output.ts";
import { validateRetryPolicy } from "../retry/policy.ts";
import { SECRET_SCHEME } from "../secret/reference.ts";
import { memberPath } from "../template/fieldPath.ts";
import { validateCondition } from "./conditions.ts";
import {
  BRANCH_CONCURRENCY_MOST,
  type ContainerStep,
  ITEMS_MOST,
  NESTING_MOST,
  nestedLists,
  type StepDefinition,
  STEPS_MOST,
  WAIT_SECONDS_MOST,
} from "./definition.ts";
import { templatesOf } from "./places.ts";
import { SCOPE_VARIABLES, validateReferences } from "./validateReferences.ts";

export interface WorkflowInput {
  readonly steps: readonly StepDefinition[];
  readonly env: Readonly<Record<string, JsonValue>>;
  readonly responseOutputTemplate: JsonValue;
}

const STEP_ID = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;
export const APPROVERS_MOST = 50;
const NAME_CHARACTERS_MOST = 255;
const MESSAGE_CHARACTERS_MOST = 4_000;
const ENV_MEMBERS_MOST = 100;
const TEXT_CHARACTERS_MOST = 64_000;

/** A step with where it stands on the wire, and how deep. */
interface Located {
  readonly step: StepDefinition;
  readonly path: string;
  readonly depth: number;
}

export function validateWorkflow(workflow: WorkflowInput, policy: TargetPolicy): FieldIssue[] {
  const all = locateAll(workflow.steps, "steps", 1);
  return [
    ...validateCounts(workflow.steps, all),
    ...validateIds(all),
    ...all.flatMap(({ step, path }) => validateStep(step, path, policy)),
    ...validateReferences(workflow),
    ...validateEnv(workflow.env),
    ...noSecrets(workflow.responseOutputTemplate, "response_output_template"),
  ];
}

function locateAll(steps: readonly StepDefinition[], base: string, depth: number): Located[] {
  return steps.flatMap((step, index) => {
    const path = `${base}[${index}]`;
    // What is nested deeper than is allowed need not be looked at to say so.
    const lists = depth > NESTING_MOST ? [] : nestedLists(step);
    return [
      { step, path, depth },
      ...lists.flatMap((list) => locateAll(list.steps, `${path}.${list.field}`, depth + 1)),
    ];
  });
}

function validateCounts(steps: readonly StepDefinition[], all: readonly Located[]): FieldIssue[] {
  if (steps.length === 0) return [{ path: "steps", message: `must have 1 to ${STEPS_MOST} steps` }];
  const issues: FieldIssue[] = [];
  if (all.length > STEPS_MOST) {
    const message = `has ${all.length} steps, nested ones included; at most ${STEPS_MOST} are allowed. Split the work with run_job.`;
    issues.push({ path: "steps", message });
  }
  const deep = all.find(({ depth }) => depth > NESTING_MOST);
  if (deep) issues.push({ path: deep.path, message: `is nested deeper than ${NESTING_MOST} levels` });
  return issues;
}

function validateIds(all: readonly Located[]): FieldIssue[] {
  const first = new Map<string, string>();
  return all.flatMap(({ step: { id }, path: base }) => {
    const path = `${base}.id`;
    if (!STEP_ID.test(id)) {
      const message = "must be 1 to 64 letters, digits, '_' or '-', not beginning with a digit or '-'";
      return [{ path, message }];
    }
    const other = first.get(id);
    if (other !== undefined) return [{ path, message: `must be unique; ${other} has the id "${id}" too` }];
    first.set(id, base);
    return [];
  });
}

function validateStep(step: StepDefinition, path: string, policy: TargetPolicy): FieldIssue[] {
  const name =
    step.name !== null && (step.name.trim() === "" || step.name.length > NAME_CHARACTERS_MOST)
      ? [{ path: `${path}.name`, message: `must be text of 1 to ${NAME_CHARACTERS_MOST} characters` }]
      : [];
  const when = step.when === null ? [] : validateCondition(step.when, `${path}.when`);
  return [...name, ...when, ...validateType(step, path, policy), ...secretsOutsideHttp(step, path)];
}

function validateType(step: StepDefinition, path: string, policy: TargetPolicy): FieldIssue[] {
  switch (step.type) {
    case "http":
      return [
        ...validateRequest(step.request, policy, { variables: SCOPE_VARIABLES }).map((issue) => inStep(issue, path)),
        ...validateRetryPolicy(step.retryPolicy, `${path}.retry_policy`),
        ...validateOutput(step.extract, `${path}.extract`, SCOPE_VARIABLES),
      ];
    case "wait":
      if ((step.durationSeconds === null) === (step.until === null)) {
        return [{ path, message: "must have either duration_seconds or until" }];
      }
      return step.durationSeconds === null ? [] : seconds(step.durationSeconds, `${path}.duration_seconds`);
    case "wait_for_webhook":
      return seconds(step.timeoutSeconds, `${path}.timeout_seconds`);
    case "approval":
      return [
        ...seconds(step.timeoutSeconds, `${path}.timeout_seconds`),
        ...(step.message.trim() === "" || step.message.length > MESSAGE_CHARACTERS_MOST
          ? [{ path: `${path}.message`, message: `must be text of 1 to ${MESSAGE_CHARACTERS_MOST} characters` }]
          : []),
        ...(step.approvers.length > APPROVERS_MOST
          ? [{ path: `${path}.approvers`, message: `may name at most ${APPROVERS_MOST}` }]
          : []),
      ];
    case "condition":
      return [
        ...limit(step, path),
        ...validateCondition(step.if, `${path}.if`),
        ...(step.then.length + step.else.length === 0
          ? [{ path: `${path}.then`, message: "must have a step, or else must have one" }]
          : []),
      ];
    case "parallel":
      return [
        ...limit(step, path),
        ...concurrency(step.maxConcurrency, path),
        ...(step.branches.length === 0 ? [{ path: `${path}.branches`, message: "must have at least one branch" }] : []),
        ...step.branches.flatMap((branch, index) =>
          branch.length > 0 ? [] : [{ path: `${path}.branches[${index}]`, message: "must have at least one step" }],
        ),
      ];
    case "for_each":
      return [
        ...limit(step, path),
        ...concurrency(step.maxConcurrency, path),
        ...validateItems(step.items, `${path}.items`),
        ...(step.steps.length === 0 ? [{ path: `${path}.steps`, message: "must have at least one step" }] : []),
      ];
    case "run_job":
      return [
        ...seconds(step.timeoutSeconds, `${path}.timeout_seconds`),
        ...(isJobId(step.jobId)
          ? []
          : [{ path: `${path}.job_id`, message: "must be the id of a job of this workspace" }]),
      ];
    case "transform":
      return [];
  }
}

/** A request's complaints are about `request.url`; in a step the request's members are the step's own. */
function inStep(issue: FieldIssue, path: string): FieldIssue {
  return { ...issue, path: path + issue.path.slice("request".length) };
}

function seconds(value: number, path: string): FieldIssue[] {
  if (Number.isInteger(value) && value >= 1 && value <= WAIT_SECONDS_MOST) return [];
  return [{ path, message: `must be a whole number of seconds from 1 to ${WAIT_SECONDS_MOST} (365 days)` }];
}

function limit({ timeoutSeconds }: ContainerStep, path: string): FieldIssue[] {
  return timeoutSeconds === undefined ? [] : seconds(timeoutSeconds, `${path}.timeout_seconds`);
}

function concurrency(value: number, path: string): FieldIssue[] {
  if (Number.isInteger(value) && value >= 1 && value <= BRANCH_CONCURRENCY_MOST) return [];
  return [{ path: `${path}.max_concurrency`, message: `must be a whole number from 1 to ${BRANCH_CONCURRENCY_MOST}` }];
}

function validateItems(items: JsonValue, path: string): FieldIssue[] {
  if (Array.isArray(items)) {
    return items.length <= ITEMS_MOST ? [] : [{ path, message: `may have at most ${ITEMS_MOST} elements` }];
  }
  if (typeof items === "string" && /^\{\{.*\}\}$/s.test(items)) return [];
  return [
    { path, message: 'must be a list, or one template that yields a list, such as "{{steps.fetch.output.items}}"' },
  ];
}

/** Only a request may carry a secret: what any other step resolves is kept and shown. */
function secretsOutsideHttp(step: StepDefinition, path: string): FieldIssue[] {
  const requestFields = new Set(["url", "headers", "body"]);
  return templatesOf(step).flatMap(({ field, value }) =>
    step.type === "http" && requestFields.has(field) ? [] : noSecrets(value, `${path}.${field}`),
  );
}

function noSecrets(value: JsonValue, path: string): FieldIssue[] {
  if (typeof value === "string") {
    return value.includes(SECRET_SCHEME)
      ? [{ path, message: "must not name a secret; secrets belong into the url, headers and body of http steps" }]
      : [];
  }
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item: JsonValue, index) => noSecrets(item, `${path}[${index}]`));
  return Object.entries(value as Readonly<Record<string, JsonValue>>).flatMap(([key, item]) =>
    noSecrets(item, memberPath(path, key)),
  );
}

function validateEnv(env: WorkflowInput["env"]): FieldIssue[] {
  const entries = Object.entries(env);
  if (entries.length > ENV_MEMBERS_MOST) {
    return [{ path: "env", message: `may have at most ${ENV_MEMBERS_MOST} variables` }];
  }
  return entries.flatMap(([name, value]) => {
    const path = memberPath("env", name);
    if (!STEP_ID.test(name)) return [{ path, message: "must be named with letters, digits, '_' or '-'" }];
    if (JSON.stringify(value).length > TEXT_CHARACTERS_MOST)
      return [{ path, message: "must be at most 64 KB of JSON" }];
    return noSecrets(value, path);
  });
}
