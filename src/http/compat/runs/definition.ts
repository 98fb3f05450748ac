/** A workflow as it is sent to be created or changed, as what to change of a job. */

import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import type { JobChanges } from "../../../domain/job/editMerge.ts";
import type { Job } from "../../../domain/job/job.ts";
import { NAME_CHARACTERS_MOST } from "../../../domain/job/validate.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { ok } from "../../../domain/result.ts";
import { anyJson, object, optional, text } from "../../fields.ts";
import { canonicalJson } from "../../readBody.ts";
import { read, readBody } from "../../readInput.ts";
import { fromSteps } from "./fromSteps.ts";
import { StepList } from "./stepConfigs.ts";
import type { StepWire } from "./stepConfigs.ts";
import type { TranslatedSteps } from "./toSteps.ts";
import { toSteps } from "./toSteps.ts";
import type { TriggerWire } from "./triggerConfig.ts";
import { fromSchedule, scheduleChanges, toSchedule, TriggerInput } from "./triggerConfig.ts";
import { unavailable } from "./unavailable.ts";
import { DESCRIPTION } from "./workflowView.ts";

const DESCRIPTION_CHARACTERS_MOST = 2_000;

const CreateBody = object({
  name: text(1, NAME_CHARACTERS_MOST),
  description: optional(text(0, DESCRIPTION_CHARACTERS_MOST)),
  trigger: TriggerInput,
  steps: StepList,
  inputSchema: anyJson().optional(),
  outputSchema: unavailable('check values with a "condition" step'),
  settings: unavailable("PATCH the job in /v1/jobs, where limits and policies have names of their own"),
});

const UpdateBody = CreateBody.partial();

export interface TranslatedWorkflow {
  readonly changes: JobChanges;
  readonly places: TranslatedSteps["places"];
}

/** A new workflow, which is a draft. */
export function readNewWorkflow(body: JsonValue): Outcome<TranslatedWorkflow> {
  const given = readBody(CreateBody, body);
  if (!given.ok) return given;
  const { name, description, trigger, steps, inputSchema } = given.value;
  const definition = translate(trigger, steps);
  if (!definition.ok) return definition;
  const { changes, places } = definition.value;
  const others: JobChanges = { name, state: "draft", inputSchema: json(inputSchema), env: described({}, description) };
  return ok({ changes: { ...changes, ...named(others) }, places });
}

/**
 * What a PUT changes: the members that it names and that are not as they are shown, so that what was read may be sent
 * back whole. Trigger and steps are translated together, as what `{{input}}` means depends on the trigger; where this
 * API cannot say all of them, they are left to the one that can.
 */
export function readChangedWorkflow(
  job: Job,
  shown: Readonly<Record<string, JsonValue>>,
  body: JsonValue,
): Outcome<TranslatedWorkflow> {
  const given = readBody(UpdateBody, differing(body, shown));
  if (!given.ok) return given;
  const { name, description, trigger, steps, inputSchema } = given.value;
  const others = named({
    name,
    inputSchema: json(inputSchema),
    env: description === undefined ? undefined : described(job.env, description),
  });
  if (trigger === undefined && steps === undefined) return ok({ changes: others, places: new Map() });
  const current = sayable(job);
  if (current === null) {
    const path = steps === undefined ? "trigger" : "steps";
    const message = "cannot be changed here: this API cannot say all that the workflow does. PATCH the job in /v1/jobs";
    return invalid([{ path, message }]);
  }
  const definition = translate(trigger ?? current.trigger, steps ?? current.steps);
  if (!definition.ok) return definition;
  const { changes, places } = definition.value;
  return ok({ changes: { ...changes, ...others }, places });
}

/** `__proto__`, which no body has, would be the only name to be careful of. */
function differing(body: JsonValue, shown: Readonly<Record<string, JsonValue>>): JsonValue {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const members = Object.entries(body as Readonly<Record<string, JsonValue>>);
  return Object.fromEntries(
    members.filter(([key, value]) => !Object.hasOwn(shown, key) || !isSame(value, shown[key] ?? null)),
  );
}

/** An edit that names nothing has no members, so that it can be told from one that does. */
function named(changes: JobChanges): JobChanges {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

function described(env: Job["env"], description: string | null | undefined): Job["env"] {
  const { [DESCRIPTION]: _, ...others } = env;
  return description === null || description === undefined ? others : { ...others, [DESCRIPTION]: description };
}

function translate(trigger: TriggerWire, wires: readonly StepWire[]): Outcome<TranslatedWorkflow> {
  const { steps, places, issues } = toSteps(wires, trigger.type === "webhook");
  if (issues.length > 0) return invalid(issues);
  return ok({ changes: { ...scheduleChanges(toSchedule(trigger)), steps }, places });
}

/** Trigger and steps as they are shown, if reading them again makes the same job; `null` if something would be lost. */
function sayable(job: Job): { readonly trigger: TriggerWire; readonly steps: readonly StepWire[] } | null {
  const trigger = read(TriggerInput, fromSchedule(job.schedule, null));
  const steps = read(StepList, fromSteps(job));
  if (!trigger.ok || !steps.ok) return null;
  const again = toSteps(steps.value, trigger.value.type === "webhook");
  const isWhole = isSame(again.steps, job.steps) && isSame(toSchedule(trigger.value), job.schedule);
  return isWhole ? { trigger: trigger.value, steps: steps.value } : null;
}

/** Definitions are JSON all through. */
function isSame(one: unknown, other: unknown): boolean {
  return canonicalJson(one as JsonValue) === canonicalJson(other as JsonValue);
}

/** What came out of `JSON.parse` is JSON, though the schema says only that it is anything. */
function json(value: unknown): JsonValue | undefined {
  return value as JsonValue | undefined;
}
