/** The variables that a plain job's templates may name, and their values for one attempt. */

import type { FieldIssue } from "../issue.ts";
import type { TemplateScope } from "./render.ts";
import { parseTemplate } from "./template.ts";

/** `scalar` variables have nothing inside; a `tree` may be walked into. */
export type TemplateVariables = Readonly<Record<string, "scalar" | "tree">>;

/** The seed's three (TrigRun "Request templates") and ours. */
export const JOB_VARIABLES = {
  timestamp: "scalar",
  uuid: "scalar",
  execution_id: "scalar",
  job_id: "scalar",
  job_name: "scalar",
  scheduled_for: "scalar",
  attempt: "scalar",
  /** What the execution was started with; `{}` for nothing. */
  input: "tree",
} as const satisfies TemplateVariables;

/** What is fixed when an execution starts and reused by every attempt, so that a receiver sees the same values. */
export interface FrozenValues {
  /** When the execution started. */
  readonly timestampMs: number;
  /** A version 4 UUID. */
  readonly uuid: string;
  readonly executionId: string;
  readonly jobId: string;
  readonly jobName: string;
  readonly scheduledForMs: number;
}

/**
 * The scope of one attempt, but for `input`, which is not the same for steps. Rendering is deterministic, so the request is frozen by freezing these values: two attempts
 * differ in `{{attempt}}` (a number, 1 for the first) and in nothing else.
 */
export function jobScope(
  frozen: FrozenValues,
  attempt: number,
): TemplateScope & Record<Exclude<keyof typeof JOB_VARIABLES, "input">, string | number> {
  return {
    timestamp: new Date(frozen.timestampMs).toISOString(),
    uuid: frozen.uuid,
    execution_id: frozen.executionId,
    job_id: frozen.jobId,
    job_name: frozen.jobName,
    scheduled_for: new Date(frozen.scheduledForMs).toISOString(),
    attempt,
  };
}

/** Whether a text parses and names only variables of `allowed`; one issue per problem, all at `path`. */
export function validateTemplate(text: string, path: string, allowed: TemplateVariables = JOB_VARIABLES): FieldIssue[] {
  const template = parseTemplate(text);
  if (!template.ok) return [{ path, message: template.error }];
  const issues: FieldIssue[] = [];
  for (const node of template.value) {
    if (node.kind === "literal") continue;
    const [root, ...steps] = node.path;
    const kind = Object.hasOwn(allowed, root) ? allowed[root] : undefined;
    if (kind === undefined) {
      const known = Object.keys(allowed).join(", ");
      issues.push({ path, message: `has the unknown variable {{${node.source}}}; known are ${known}` });
    } else if (kind === "scalar" && steps.length > 0) {
      issues.push({ path, message: `has {{${node.source}}}, but ${root} is a plain value with nothing inside` });
    }
  }
  return issues;
}
