/** Steps of the Runs API as ours: the flat list becomes nested lists, and every template is put into our words. */

import type { FieldIssue } from "../../../domain/issue.ts";
import { mergeRetryPolicy } from "../../../domain/job/editMerge.ts";
import type { HttpMethod } from "../../../domain/job/request.ts";
import { REQUEST_DEFAULTS } from "../../../domain/job/request.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { RETRY_DEFAULTS } from "../../../domain/retry/policy.ts";
import type { Condition } from "../../../domain/workflow/conditions.ts";
import type { StepDefinition, StepType } from "../../../domain/workflow/definition.ts";
import { BRANCH_CONCURRENCY_DEFAULT, WAIT_SECONDS_DEFAULT } from "../../../domain/workflow/definition.ts";
import { SCOPE_VARIABLES } from "../../../domain/workflow/validateReferences.ts";
import { fromWorkflowId } from "../ids.ts";
import { toMappedValue } from "./mappingRules.ts";
import type { ConditionsWire, StepOf, StepWire } from "./stepConfigs.ts";
import { WAIT_UNITS } from "./stepConfigs.ts";
import type { Layout, WireList } from "./stepLayout.ts";
import { layOut, listsOf } from "./stepLayout.ts";
import { StepTexts } from "./stepTexts.ts";
import type { Loop, TemplateContext } from "./templates.ts";

export interface TranslatedSteps {
  readonly steps: readonly StepDefinition[];
  /** Where a step of ours, by its path for messages, stands in the list that it came from. */
  readonly places: ReadonlyMap<string, StepPlace>;
  readonly issues: readonly FieldIssue[];
}

export interface StepPlace {
  readonly path: string;
  readonly type: StepWire["type"];
}

export function toSteps(wires: readonly StepWire[], isWebhook: boolean): TranslatedSteps {
  const { layout, issues } = layOut(wires);
  if (issues.length > 0) return { steps: [], places: new Map(), issues };
  const translator = new Translator(wires, layout, isWebhook);
  const steps = translator.list(layout.top, "steps", []);
  return { steps, places: translator.places, issues: translator.issues };
}

/** Which of our types a step becomes. */
function typeOf(wire: StepWire): StepType {
  switch (wire.type) {
    case "api":
      return "http";
    case "loop":
      return "for_each";
    case "subworkflow":
      return "run_job";
    case "parallel":
      return wire.config.forEachSource === undefined ? "parallel" : "for_each";
    default:
      return wire.type;
  }
}

class Translator {
  readonly places = new Map<string, StepPlace>();
  readonly issues: FieldIssue[] = [];
  readonly #wires: readonly StepWire[];
  readonly #layout: Layout;
  readonly #common: Omit<TemplateContext, "loops">;

  constructor(wires: readonly StepWire[], layout: Layout, isWebhook: boolean) {
    this.#wires = wires;
    this.#layout = layout;
    this.#common = { isWebhook, types: new Map(wires.map((wire) => [wire.id, typeOf(wire)])) };
  }

  /** `base` is where the list stands in ours: `steps`, `steps[0].then`. */
  list(indexes: readonly number[], base: string, loops: readonly Loop[]): StepDefinition[] {
    return indexes.flatMap((index, place) => {
      const wire = this.#wires[index];
      return wire === undefined ? [] : [this.#step(wire, `steps[${index}]`, `${base}[${place}]`, loops)];
    });
  }

  #step(wire: StepWire, path: string, ours: string, loops: readonly Loop[]): StepDefinition {
    this.places.set(ours, { path, type: wire.type });
    const texts = new StepTexts(`${path}.config`, { ...this.#common, loops });
    const inner = (list: WireList, within = loops) =>
      this.list(this.#layout.indexesOf(list), `${ours}.${list.field}`, within);
    const step = toStep(wire, texts, inner, loops);
    this.issues.push(...texts.issues);
    return step;
  }
}

type Inner = (list: WireList, loops?: readonly Loop[]) => StepDefinition[];

function toStep(wire: StepWire, texts: StepTexts, inner: Inner, loops: readonly Loop[]): StepDefinition {
  const common = {
    id: wire.id,
    name: wire.name ?? null,
    when: null,
    onError: wire.errorHandling === undefined ? "fail" : "continue",
  } as const;
  switch (wire.type) {
    case "api":
      return { type: "http", ...common, ...toHttp(wire, texts) };
    case "condition": {
      const [yes, no] = listsOf(wire).map((list) => inner(list));
      return { type: "condition", ...common, if: toCondition(wire, texts), then: yes ?? [], else: no ?? [] };
    }
    case "wait": {
      const { duration, unit } = wire.config;
      const durationSeconds = unit === undefined ? duration / 1_000 : duration * WAIT_UNITS[unit];
      return { type: "wait", ...common, durationSeconds, until: null };
    }
    case "approval":
      return {
        type: "approval",
        ...common,
        message: texts.text("reason", wire.config.reason),
        approvers: wire.config.approvers,
        timeoutSeconds: approvalSeconds(wire),
        onTimeout: wire.config.timeoutAction ?? "reject",
        onReject: "fail",
      };
    case "transform":
      return { type: "transform", ...common, value: toMappedValue(wire, texts) };
    case "loop":
    case "parallel":
      return { ...common, ...toFanOut(wire, texts, inner, loops) };
    case "subworkflow": {
      const jobId = fromWorkflowId(wire.config.workflowId);
      if (jobId === null) texts.complain("workflowId", "must be the id of a workflow, such as wf_…");
      const { inputMapping, waitForCompletion, timeoutMinutes } = wire.config;
      return {
        type: "run_job",
        ...common,
        jobId: jobId ?? "",
        input: inputMapping === undefined ? {} : texts.json("inputMapping", json(inputMapping)),
        waits: waitForCompletion ?? true,
        timeoutSeconds: timeoutMinutes === undefined ? WAIT_SECONDS_DEFAULT : timeoutMinutes * 60,
      };
    }
  }
}

/** Methods of which a second request does no more than the first. */
const IDEMPOTENT: ReadonlySet<HttpMethod> = new Set(["GET", "PUT", "DELETE"]);

export function isRepeatable(method: HttpMethod): boolean {
  return IDEMPOTENT.has(method);
}

function toHttp({ config }: StepOf<"api">, texts: StepTexts) {
  const { method = REQUEST_DEFAULTS.method, retries, retryNonIdempotent } = config;
  const mayRepeat = isRepeatable(method) || retryNonIdempotent === true;
  if (!mayRepeat && retries !== undefined && retries > 0) {
    texts.complain("retries", `of a ${method} must be 0 unless retryNonIdempotent is true`);
  }
  const attempts = retries === undefined ? null : retries + 1;
  return {
    request: {
      ...REQUEST_DEFAULTS,
      url: withQuery(texts.text("url", config.url), texts.query("params", config.params ?? {})),
      method,
      headers: texts.texts("headers", config.headers ?? {}),
      body: config.body === undefined ? null : texts.json("body", json(config.body)),
      timeoutSeconds: config.timeout === undefined ? REQUEST_DEFAULTS.timeoutSeconds : config.timeout / 1_000,
    },
    retryPolicy: mergeRetryPolicy(RETRY_DEFAULTS, {
      maxAttempts: mayRepeat ? attempts : 1,
      backoff: { initialMs: config.retryDelayMs, maxMs: config.retryMaxDelayMs },
    }),
    extract: {},
  };
}

/** A fragment, which is not sent, stays behind the query. */
function withQuery(url: string, query: string): string {
  if (query === "") return url;
  const [address = "", ...fragment] = url.split("#");
  return [`${address}${address.includes("?") ? "&" : "?"}${query}`, ...fragment].join("#");
}

function toCondition({ config }: StepOf<"condition">, texts: StepTexts): Condition {
  const { conditions, combineOperator = "AND" } = config;
  if (!Array.isArray(conditions)) return toBranch(conditions, texts, "conditions");
  const list = conditions.map(({ field, operator, value = null }, index) => ({
    left: texts.text(`conditions[${index}].field`, field.includes("{{") ? field : `{{${field}}}`),
    operator,
    right: texts.json(`conditions[${index}].value`, json(value)),
  }));
  return combineOperator === "AND" ? { all: list } : { any: list };
}

function toBranch(wire: ConditionsWire, texts: StepTexts, path: string): Condition {
  if ("all" in wire) return { all: wire.all.map((each, index) => toBranch(each, texts, `${path}.all[${index}]`)) };
  if ("any" in wire) return { any: wire.any.map((each, index) => toBranch(each, texts, `${path}.any[${index}]`)) };
  if ("not" in wire) return { not: toBranch(wire.not, texts, `${path}.not`) };
  const { left, operator, right = null } = wire;
  return {
    left: texts.json(`${path}.left`, json(left)),
    operator,
    right: texts.json(`${path}.right`, json(right)),
  };
}

const TIMEOUT_UNITS: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400 };

function approvalSeconds({ config: { timeout, timeoutMs } }: StepOf<"approval">): number {
  if (timeoutMs !== undefined) return timeoutMs / 1_000;
  if (timeout === undefined) return WAIT_SECONDS_DEFAULT;
  return Number(timeout.slice(0, -1)) * (TIMEOUT_UNITS[timeout.slice(-1)] ?? 1);
}

/** A loop takes one element after the other and ends with the first failure, unless it is told otherwise. */
function toFanOut(wire: StepOf<"loop" | "parallel">, texts: StepTexts, inner: Inner, loops: readonly Loop[]) {
  const lists = listsOf(wire);
  if (wire.type === "loop") {
    const { collection, iterations, batchSize } = wire.config;
    const items = iterations === undefined ? json(collection) : [...Array(iterations).keys()];
    return {
      type: "for_each",
      items: texts.json("collection", items),
      steps: lists.flatMap((list) => inner(list, [...loops, { id: wire.id, alias: null }])),
      mode: "fail_fast",
      maxConcurrency: batchSize ?? 1,
    } as const;
  }
  const { strategy, concurrency, forEachSource, forEachAs = "item" } = wire.config;
  const policy = {
    mode: strategy === "fail-fast" ? "fail_fast" : "all",
    maxConcurrency: concurrency ?? BRANCH_CONCURRENCY_DEFAULT,
  } as const;
  if (forEachSource === undefined) {
    return { type: "parallel", branches: lists.map((list) => inner(list)), ...policy } as const;
  }
  if (!isElementName(forEachAs))
    texts.complain("forEachAs", "must be a name of letters, digits and _ that no variable has");
  return {
    type: "for_each",
    items: texts.json("forEachSource", json(forEachSource)),
    steps: lists.flatMap((list) => inner(list, [...loops, { id: wire.id, alias: forEachAs }])),
    ...policy,
  } as const;
}

function isElementName(name: string): boolean {
  const isTaken = name === "run" || name === "secrets" || (name !== "item" && Object.hasOwn(SCOPE_VARIABLES, name));
  return /^[A-Za-z_]\w*$/.test(name) && !isTaken;
}

/** What came out of `JSON.parse` is JSON, though the schema says only that it is anything. */
function json(value: unknown): JsonValue {
  return value as JsonValue;
}
