/** Steps of the Runs API as they may be written (facts 2.4), each as far as Carillon has its like. */

import { z } from "@hono/zod-openapi";
import { NAME_CHARACTERS_MOST } from "../../../domain/job/validate.ts";
import { TIMEOUT_SECONDS_LEAST, TIMEOUT_SECONDS_MOST } from "../../../domain/job/validateRequest.ts";
import { HTTP_METHODS } from "../../../domain/job/request.ts";
import { MAX_BACKOFF_MS } from "../../../domain/retry/policy.ts";
import { CONDITION_OPERATORS } from "../../../domain/workflow/conditions.ts";
import { BRANCH_CONCURRENCY_MOST, ITEMS_MOST, STEPS_MOST } from "../../../domain/workflow/definition.ts";
import { APPROVERS_MOST } from "../../../domain/workflow/validate.ts";
import { anyJson, flag, list, object, oneOf, requiredJson, text, textMap, wholeNumber } from "../../fields.ts";
import { unavailable, UNAVAILABLE_STEPS } from "./unavailable.ts";

const ID_CHARACTERS_MOST = 64;
const TEXT_CHARACTERS_MOST = 8_192;
const ATTEMPTS_MOST = 10;
const MINUTES_MOST = 365 * 24 * 60;
const CONDITIONS_MOST = 100;
const RULES_MOST = 100;

/** A time in milliseconds that Carillon keeps in seconds. */
function wholeSeconds(leastMs: number, mostMs: number) {
  const error = `must be milliseconds that make whole seconds, from ${leastMs} to ${mostMs}`;
  return z.int({ error }).min(leastMs, { error }).max(mostMs, { error }).multipleOf(1_000, { error });
}

const stepIds = () => list(text(1, ID_CHARACTERS_MOST), STEPS_MOST, "ids of steps");
const concurrency = () => wholeNumber(1, BRANCH_CONCURRENCY_MOST);

const ApiConfig = object({
  url: text(1, TEXT_CHARACTERS_MOST),
  method: oneOf(HTTP_METHODS).optional(),
  headers: textMap("header names and texts").optional(),
  params: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()], { error: "must be text, a number or a flag" }), {
      error: "must be an object of query parameters",
    })
    .optional(),
  body: anyJson().optional(),
  responseFormat: z
    .literal("auto", { error: 'must be "auto": JSON is read as JSON, and anything else as text' })
    .optional(),
  timeout: wholeSeconds(TIMEOUT_SECONDS_LEAST * 1_000, TIMEOUT_SECONDS_MOST * 1_000).optional(),
  retries: wholeNumber(0, ATTEMPTS_MOST - 1).optional(),
  retryDelayMs: wholeNumber(0, MAX_BACKOFF_MS).optional(),
  retryMaxDelayMs: wholeNumber(0, MAX_BACKOFF_MS).optional(),
  retryNonIdempotent: flag().optional(),
  maxResponseBytes: unavailable("the first 64 KB of a response are read"),
  failOnError: z
    .literal(true, { error: 'must be true; to go on after a failure use errorHandling: {"strategy": "continue"}' })
    .optional(),
});

const operator = () => oneOf(CONDITION_OPERATORS);

export type ConditionsWire =
  | { left: unknown; operator: (typeof CONDITION_OPERATORS)[number]; right?: unknown }
  | { all: ConditionsWire[] }
  | { any: ConditionsWire[] }
  | { not: ConditionsWire };

const conditions = () =>
  list(
    z.lazy(() => Conditions),
    CONDITIONS_MOST,
    "conditions",
  );

const Conditions: z.ZodType<ConditionsWire> = z.union(
  [
    object({ left: requiredJson(), operator: operator(), right: anyJson().optional() }),
    object({ all: conditions() }),
    object({ any: conditions() }),
    object({ not: z.lazy(() => Conditions) }),
  ],
  { error: "must be a condition: {left, operator, right}, {all: […]}, {any: […]} or {not: …}" },
);

/** As the canvas writes them: a list, whose fields are paths or templates. */
const CanvasConditions = list(
  object({ field: text(1, TEXT_CHARACTERS_MOST), operator: operator(), value: anyJson().optional() }),
  CONDITIONS_MOST,
  "conditions",
);

const ConditionConfig = object({
  conditions: z.union([Conditions, CanvasConditions], {
    error: "must be {left, operator, right} or a list of {field, operator, value}",
  }),
  combineOperator: oneOf(["AND", "OR"]).optional(),
  then: stepIds(),
  else: stepIds().optional(),
}).refine(({ conditions: given, combineOperator }) => combineOperator === undefined || Array.isArray(given), {
  path: ["combineOperator"],
  error: "is for a list of conditions; write {all: […]} or {any: […]}",
});

export const WAIT_UNITS = { seconds: 1, minutes: 60, hours: 3_600, days: 86_400 } as const;

const WaitConfig = object({
  duration: wholeNumber(1, MINUTES_MOST * 60_000),
  unit: oneOf(["seconds", "minutes", "hours", "days"]).optional(),
}).superRefine(({ duration, unit }, context) => {
  if (unit !== undefined || duration % 1_000 === 0) return;
  const message = "must be milliseconds that make whole seconds, or have a unit beside it";
  context.addIssue({ code: "custom", path: ["duration"], message });
});

const ApprovalConfig = object({
  approvers: list(text(1, NAME_CHARACTERS_MOST), APPROVERS_MOST, "names or addresses"),
  reason: text(1, TEXT_CHARACTERS_MOST),
  timeoutMs: wholeSeconds(1_000, MINUTES_MOST * 60_000).optional(),
  timeout: z
    .string()
    .regex(/^[1-9]\d{0,6}[dhm]$/, { error: 'must be a number of days, hours or minutes, such as "7d", "24h" or "30m"' })
    .optional(),
  timeoutAction: z.literal("fail", { error: 'must be "fail"; leave it out to reject what nobody decided' }).optional(),
  notifyChannels: unavailable('send {{approvals.ID.url}} with an "api" step that stands before this one'),
  escalateTo: unavailable("name everybody in approvers"),
  requireAll: unavailable("the first decision counts"),
}).refine(({ timeoutMs, timeout }) => timeoutMs === undefined || timeout === undefined, {
  path: ["timeout"],
  error: "cannot be combined with timeoutMs; leave one of them out",
});

const TransformConfig = object({
  action: z
    .enum(["transform", "map"], {
      error: 'must be "transform" or "map"; values are moved here, not judged or enriched',
    })
    .optional(),
  sourceData: requiredJson(),
  mappingRules: list(
    object({
      id: text(1, ID_CHARACTERS_MOST).optional(),
      source: text(1, TEXT_CHARACTERS_MOST),
      target: text(1, TEXT_CHARACTERS_MOST),
      transform: z
        .literal("direct", { error: 'must be "direct"; filters in templates, such as "| upper", do the rest' })
        .optional(),
      customTransform: unavailable('code is not run here; use filters in templates, such as "| upper"'),
      default: z.union([z.string(), z.number(), z.boolean()], { error: "must be text, a number or a flag" }).optional(),
    }),
    RULES_MOST,
    "rules",
  ).optional(),
  code: unavailable("no code is run; name values with templates in sourceData"),
  input: unavailable("name values with templates in sourceData"),
  targetSchema: unavailable("what comes out has the shape of sourceData"),
  normalizations: unavailable('use filters in templates, such as "| lower"'),
  validationRules: unavailable('use a "condition" step'),
  strict: unavailable("what is missing reads as null"),
});

const LoopConfig = object({
  loopType: z
    .enum(["forEach", "for"], {
      error: 'must be "forEach" or "for"; a loop that asks before each turn is not available',
    })
    .optional(),
  collection: anyJson().optional(),
  iterations: wholeNumber(1, ITEMS_MOST).optional(),
  steps: stepIds(),
  batchSize: concurrency().optional(),
  breakCondition: unavailable('every element is taken; skip work in a "condition" step'),
  whileCondition: unavailable("name the elements in collection"),
  maxIterations: unavailable(`a loop takes at most ${ITEMS_MOST} elements`),
}).superRefine(({ loopType = "forEach", collection, iterations }, context) => {
  const [wanted, other] = loopType === "for" ? ["iterations", "collection"] : ["collection", "iterations"];
  const given = { collection, iterations } as Readonly<Record<string, unknown>>;
  if (given[wanted] === undefined) {
    context.addIssue({ code: "custom", path: [wanted], message: `is required for loopType "${loopType}"` });
  }
  if (given[other] !== undefined) {
    context.addIssue({ code: "custom", path: [other], message: `is not for loopType "${loopType}"` });
  }
});

const ParallelConfig = object({
  strategy: oneOf(["wait-all", "fail-fast"]).optional(),
  concurrency: concurrency().optional(),
  branches: list(stepIds(), STEPS_MOST, "lists of ids of steps").optional(),
  forEachSource: anyJson().optional(),
  forEachAs: text(1, ID_CHARACTERS_MOST).optional(),
  steps: stepIds().optional(),
  timeoutMs: unavailable('each "api" step within has a timeout of its own'),
}).superRefine(({ branches, forEachSource, forEachAs, steps }, context) => {
  const add = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  if (forEachSource === undefined) {
    if (branches === undefined) add("branches", "is required: lists of ids of steps, or forEachSource and steps");
    if (steps !== undefined) add("steps", "is for forEachSource; lists of steps stand in branches");
    if (forEachAs !== undefined) add("forEachAs", "is for forEachSource");
    return;
  }
  if (branches !== undefined) add("branches", "cannot be combined with forEachSource, whose steps stand in steps");
  if (steps === undefined) add("steps", "is required with forEachSource: ids of the steps to run for each element");
});

const SubworkflowConfig = object({
  workflowId: text(1, ID_CHARACTERS_MOST),
  inputMapping: anyJson().optional(),
  waitForCompletion: flag().optional(),
  timeoutMinutes: wholeNumber(1, MINUTES_MOST).optional(),
  idempotencyKey: unavailable("a step starts one run, however often it is repeated"),
  queueName: unavailable("each workflow is its own queue"),
  queueConcurrencyLimit: unavailable("the other workflow has a limit of its own (concurrency_limit in /v1/jobs)"),
  machine: unavailable("there are no machines to choose"),
  maxDurationSeconds: unavailable("use timeoutMinutes"),
});

function step<const Type extends string, Config extends z.ZodType>(type: Type, config: Config) {
  return object({
    id: text(1, ID_CHARACTERS_MOST),
    type: z.literal(type),
    name: text(1, NAME_CHARACTERS_MOST).optional(),
    config,
    errorHandling: object({
      strategy: z.literal("continue", { error: 'must be "continue"; leave errorHandling out to end the run' }),
      fallback: unavailable('use the filter "default" where the output is read'),
    }).optional(),
    action: unavailable('it is for steps of connectors; call the service\'s own API with an "api" step'),
    retryConfig: unavailable('use retries and retryDelayMs in the config of an "api" step'),
    timeoutMs: unavailable("use timeout in the config of the step"),
  });
}

const STEPS = [
  step("api", ApiConfig),
  step("condition", ConditionConfig),
  step("wait", WaitConfig),
  step("approval", ApprovalConfig),
  step("transform", TransformConfig),
  step("loop", LoopConfig),
  step("parallel", ParallelConfig),
  step("subworkflow", SubworkflowConfig),
] as const;

export const StepList = list(
  z.discriminatedUnion("type", STEPS, { error: ({ input }) => typeMessage(input) }),
  STEPS_MOST,
  "steps",
);

export type StepWire = z.output<typeof StepList>[number];
export type StepOf<Type extends StepWire["type"]> = Extract<StepWire, { type: Type }>;

const TYPES = STEPS.map(({ shape }) => JSON.stringify(shape.type.value)).join(", ");

function typeMessage(input: unknown): string {
  if (typeof input !== "object" || input === null) return "must be a step: an object with id, type and config";
  const type = "type" in input ? input.type : undefined;
  const instead = typeof type === "string" ? UNAVAILABLE_STEPS.get(type) : undefined;
  return instead ?? `must be one of ${TYPES}`;
}
