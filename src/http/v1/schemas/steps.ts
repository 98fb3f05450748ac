/** Steps on the wire. One schema for both directions: what is read can be sent back as it is. */

import { z } from "@hono/zod-openapi";
import { NAME_CHARACTERS_MOST } from "../../../domain/job/validate.ts";
import {
  BRANCH_CONCURRENCY_DEFAULT,
  BRANCH_CONCURRENCY_MOST,
  ITEMS_MOST,
  STEPS_MOST,
  WAIT_SECONDS_MOST,
} from "../../../domain/workflow/definition.ts";
import type { StepType } from "../../../domain/workflow/definition.ts";
import {
  anyJson,
  flag,
  list,
  object,
  oneOf,
  optional,
  requiredJson,
  text,
  textMap,
  wholeNumber,
} from "../../fields.ts";
import type { ConditionWire } from "./conditions.ts";
import { ConditionSchema } from "./conditions.ts";
import { RetryPolicyInput, requestMembers, url } from "./requestInput.ts";

const ID_CHARACTERS_MOST = 64;
/** As `validateWorkflow` has it. */
const MESSAGE_CHARACTERS_MOST = 4_000;
const APPROVERS_MOST = 50;

const FAIL_OR_CONTINUE = ["fail", "continue"] as const;
const MODES = ["all", "fail_fast"] as const;

export function jsonMap(what: string) {
  return z.record(z.string(), anyJson(), { error: `must be an object of ${what}` });
}

function common<const Type extends StepType>(type: Type) {
  return {
    type: z.literal(type),
    id: text(1, ID_CHARACTERS_MOST).openapi({
      description: "Unique in the definition: letters, digits, `_` and `-`, beginning with a letter or `_`.",
      example: "fetch",
    }),
    name: optional(text(1, NAME_CHARACTERS_MOST)).openapi({ description: "For people." }),
    when: optional(ConditionSchema).openapi({ description: "Where it does not hold, the step is skipped." }),
    on_error: optional(oneOf(FAIL_OR_CONTINUE)).openapi({
      description: "`continue` lets the list go on after a failure, which stays visible on the step; default fail.",
    }),
  };
}

const waitSeconds = (what: string) =>
  optional(wholeNumber(1, WAIT_SECONDS_MOST)).openapi({ description: `${what}; default 86400, which is a day.` });

const containerTimeout = () =>
  optional(wholeNumber(1, WAIT_SECONDS_MOST)).openapi({
    description:
      "How long it may take with all its steps; by default as long as they do. What is unfinished then is cancelled, and " +
      "the step fails as `timeout`.",
  });

const mode = () =>
  optional(oneOf(MODES)).openapi({
    description:
      "`all`, the default, lets every branch come to its end and then fails if one failed; `fail_fast` cancels the " +
      "others at the first failure.",
  });

const maxConcurrency = () =>
  optional(wholeNumber(1, BRANCH_CONCURRENCY_MOST)).openapi({
    description: `How many run at a time; default ${BRANCH_CONCURRENCY_DEFAULT}.`,
  });

/** The lists within a step. Their type is written out, as the compiler cannot infer one that contains itself. */
export const stepList = (): z.ZodType<StepWire[]> =>
  list(
    z.lazy(() => StepSchema),
    STEPS_MOST,
    "steps",
  );

const HttpStepSchema = object({
  ...common("http"),
  url: url(),
  ...requestMembers,
  retry_policy: optional(RetryPolicyInput).openapi({ description: "As of a plain job, for this step alone." }),
  extract: optional(textMap("names and JSONPaths or templates")).openapi({
    description: "What to put into `context`: a name and a JSONPath into the response's JSON, or a template.",
    example: { customer_id: "$.customer.id" },
  }),
}).openapi("HttpStep", {
  description:
    "Sends a request, as a plain job does, with the same retries. Its output is the response's body, as JSON where it is, " +
    "or what `output` makes of it. `{{steps.ID.status_code}}` and `{{steps.ID.headers}}` are known too.",
  example: {
    type: "http",
    id: "customer",
    url: "https://crm.example.com/customers/{{input.customer_id}}",
    headers: { Authorization: "Bearer secret://crm-key" },
    extract: { email: "$.contact.email" },
  },
});

const WaitStepSchema = object({
  ...common("wait"),
  duration_seconds: optional(wholeNumber(1, WAIT_SECONDS_MOST)).openapi({ description: "Up to 365 days." }),
  until: optional(text(1, MESSAGE_CHARACTERS_MOST)).openapi({
    description: "A template that yields ISO 8601 text or epoch milliseconds. What has passed does not wait.",
    example: "{{input.send_at}}",
  }),
}).openapi("WaitStep", {
  description:
    "Waits for `duration_seconds`, or `until` a moment: one of the two. Waiting costs nothing. Output: `{waited_until}`.",
  example: { type: "wait", id: "cool_down", duration_seconds: 3600 },
});

const WaitForWebhookStepSchema = object({
  ...common("wait_for_webhook"),
  timeout_seconds: waitSeconds("How long to wait"),
  on_timeout: optional(oneOf(FAIL_OR_CONTINUE)).openapi({ description: "Default fail." }),
}).openapi("WaitForWebhookStep", {
  description:
    "Waits for a POST to its callback URL, which any step may pass on as `{{waits.ID.url}}`, earlier ones too. Output: the " +
    "posted body; after a timeout that continues, `{timed_out: true}`. A second call changes nothing and says so.",
  example: { type: "wait_for_webhook", id: "shipped", timeout_seconds: 604_800, on_timeout: "continue" },
});

const ApprovalStepSchema = object({
  ...common("approval"),
  message: text(1, MESSAGE_CHARACTERS_MOST).openapi({
    description: "A template: what is to be decided.",
    example: "Refund {{input.amount}} to {{context.customer_id}}?",
  }),
  approvers: optional(list(text(1, NAME_CHARACTERS_MOST), APPROVERS_MOST, "names or addresses")).openapi({
    description:
      "Names of the tokens that may decide over the API, in any case; owners may as well. Empty: every token that may " +
      "write. An approval's link is a right by itself: give it to them only.",
  }),
  timeout_seconds: waitSeconds("How long to wait"),
  on_timeout: optional(oneOf(["reject", "approve", "fail"])).openapi({ description: "Default reject." }),
  on_reject: optional(oneOf(FAIL_OR_CONTINUE)).openapi({ description: "Default fail." }),
}).openapi("ApprovalStep", {
  description:
    "Waits for a person, who decides over the API or by a link: `{{approvals.ID.url}}`, `.approve_url` and `.reject_url` " +
    "lead to a page that acts on POST only. Output: `{approved, decision, by, at, comment, timed_out}`.",
  example: {
    type: "approval",
    id: "sign_off",
    message: "Refund {{input.amount}} to {{context.email}}?",
    approvers: ["finance@example.com"],
    timeout_seconds: 172_800,
    on_timeout: "reject",
  },
});

const TransformStepSchema = object({
  ...common("transform"),
  value: requiredJson().openapi({
    description: "JSON with templates in its strings; a string that is one template keeps the value's type.",
    example: { total: "{{steps.fetch.output.total}}" },
  }),
}).openapi("TransformStep", {
  description: "Evaluates `value` into its output. No code runs.",
  example: { type: "transform", id: "row", value: { email: "{{context.email}}", lines: "{{input.lines | length}}" } },
});

const RunJobStepSchema = object({
  ...common("run_job"),
  job_id: text(1, ID_CHARACTERS_MOST).openapi({ description: "A job of the same workspace." }),
  input: anyJson().optional().openapi({ description: "JSON with templates: the other job's input; default `{}`." }),
  wait: optional(flag()).openapi({ description: "Whether to wait until that execution has ended; default true." }),
  timeout_seconds: waitSeconds("How long to wait, with `wait`"),
}).openapi("RunJobStep", {
  description:
    "Starts another job of the workspace, at most 10 deep. Output: `{execution_id}`, and once it was waited for `status` " +
    "and `output` of that execution. One that failed fails the step.",
  example: {
    type: "run_job",
    id: "archive",
    job_id: "job_01k8rb2c9078f31njdbhv0m7q2",
    input: { order_id: "{{input.order_id}}" },
    wait: false,
  },
});

interface ContainerWire {
  id: string;
  timeout_seconds?: number | null | undefined;
  name?: string | null | undefined;
  when?: ConditionWire | null | undefined;
  on_error?: "fail" | "continue" | null | undefined;
}

interface FanOutWire extends ContainerWire {
  mode?: "all" | "fail_fast" | null | undefined;
  max_concurrency?: number | null | undefined;
}

export type StepWire =
  | z.output<typeof HttpStepSchema>
  | z.output<typeof WaitStepSchema>
  | z.output<typeof WaitForWebhookStepSchema>
  | z.output<typeof ApprovalStepSchema>
  | z.output<typeof TransformStepSchema>
  | z.output<typeof RunJobStepSchema>
  | (ContainerWire & { type: "condition"; if: ConditionWire; then: StepWire[]; else?: StepWire[] | null | undefined })
  | (FanOutWire & { type: "parallel"; branches: StepWire[][] })
  | (FanOutWire & { type: "for_each"; items: unknown; steps: StepWire[] });

export type HttpStepWire = z.output<typeof HttpStepSchema>;

const ConditionStepSchema = object({
  ...common("condition"),
  if: ConditionSchema,
  then: stepList().openapi({ description: "Steps that run where it holds." }),
  else: optional(stepList()).openapi({
    description: "Steps that run where it does not. What is not taken is skipped.",
  }),
  timeout_seconds: containerTimeout(),
}).openapi("ConditionStep", {
  description: "Runs `then` or `else`; the steps of the other are `skipped`. Output: `{result}`.",
  example: {
    type: "condition",
    id: "is_large",
    if: { left: "{{input.amount}}", operator: "gte", right: 1000 },
    then: [{ type: "approval", id: "second_look", message: "{{input.amount}} is much. Go on?" }],
    else: [],
  },
});

const ParallelStepSchema = object({
  ...common("parallel"),
  branches: list(stepList(), STEPS_MOST, "lists of steps").openapi({
    description: "Lists of steps, which do not see one another.",
  }),
  mode: mode(),
  max_concurrency: maxConcurrency(),
  timeout_seconds: containerTimeout(),
}).openapi("ParallelStep", {
  description:
    "Runs lists of steps side by side. Output: `{results, errors, count}`; `results` has for each branch the outputs of " +
    "its steps by their ids, `errors` one `{index, step, code, message}` for each step that failed.",
  example: {
    type: "parallel",
    id: "checks",
    branches: [
      [{ type: "http", id: "credit", url: "https://credit.example.com/score/{{input.customer_id}}" }],
      [{ type: "http", id: "stock", url: "https://stock.example.com/items/{{input.sku}}" }],
    ],
    mode: "fail_fast",
  },
});

const ForEachStepSchema = object({
  ...common("for_each"),
  items: requiredJson().openapi({
    description: `A template that yields a list, or the list itself; at most ${ITEMS_MOST} elements.`,
    example: "{{steps.fetch.output.orders}}",
  }),
  steps: stepList().openapi({ description: "Run once for each element, with `{{item}}` and `{{index}}`." }),
  mode: mode(),
  max_concurrency: maxConcurrency(),
  timeout_seconds: containerTimeout(),
}).openapi("ForEachStep", {
  description:
    "Runs steps once for each element of a list. Output: `{results, errors, count}` as of `parallel`, in the list's order. " +
    "Steps after it read `{{steps.ID.output.results[0].INNER}}`.",
  example: {
    type: "for_each",
    id: "lines",
    items: "{{steps.order.output.lines}}",
    steps: [{ type: "http", id: "reserve", url: "https://stock.example.com/reserve/{{item.sku}}", method: "POST" }],
    max_concurrency: 5,
  },
});

/** In the order in which the reference shows them. */
export const STEP_SCHEMAS = [
  HttpStepSchema,
  WaitStepSchema,
  WaitForWebhookStepSchema,
  ApprovalStepSchema,
  ConditionStepSchema,
  ParallelStepSchema,
  ForEachStepSchema,
  TransformStepSchema,
  RunJobStepSchema,
] as const;

export const StepSchema: z.ZodType<StepWire> = z
  .discriminatedUnion("type", STEP_SCHEMAS)
  .openapi("Step", { description: "The reference of all steps is docs/steps.md." });
