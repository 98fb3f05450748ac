/** Whether steps can be saved: everything that can be said against them before they run, each with its JSON path. */

import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";
import type { TargetPolicy } from "../net/target.ts";
import type { StepDefinition } from "./definition.ts";

export interface WorkflowInput {
  readonly steps: readonly StepDefinition[];
  readonly env: Readonly<Record<string, JsonValue>>;
  readonly responseOutputTemplate: JsonValue;
}

export function validateWorkflow(_workflow: WorkflowInput, _policy: TargetPolicy): FieldIssue[] {
  return [];
}
