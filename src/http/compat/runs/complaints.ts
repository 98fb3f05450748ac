/** Complaints about a definition, which speak of our fields, in the words of the one who wrote it. */

import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import type { StepWire } from "./stepConfigs.ts";
import type { TranslatedSteps } from "./toSteps.ts";

type Places = TranslatedSteps["places"];

/** Beginnings of our paths, and what stands there in this API. */
const MEMBERS: readonly (readonly [string, string])[] = [
  ["schedule.cron", "trigger.cron"],
  ["schedule.every_n_minutes", "trigger.interval"],
  ["schedule.timezone", "trigger.timezone"],
  ["schedule", "trigger"],
  ["kind", "trigger.type"],
  ["input_schema", "inputSchema"],
  ["override_input", "overrideInput"],
  ["env", "description"],
];

/** Of a step; every other member of ours stands under the same name in `config`. */
const STEP_MEMBERS: Readonly<Record<StepWire["type"], Readonly<Record<string, string>>>> = {
  api: { timeout_seconds: "timeout", retry_policy: "retries" },
  condition: { if: "conditions" },
  wait: { duration_seconds: "duration" },
  approval: { message: "reason", timeout_seconds: "timeoutMs" },
  transform: { value: "sourceData" },
  loop: { items: "collection", max_concurrency: "batchSize" },
  parallel: { items: "forEachSource", max_concurrency: "concurrency" },
  subworkflow: { job_id: "workflowId", input: "inputMapping", timeout_seconds: "timeoutMinutes" },
};

const COMMON: ReadonlySet<string> = new Set(["id", "name"]);

/** The path of a step of ours, and what follows it. */
const STEP_PATH = /^(steps\[\d+\](?:\.(?:then|else|steps|branches\[\d+\])\[\d+\])*)(.*)$/s;

/** `places` is of the steps that were sent; what sends none has none. */
export function inOwnWords<T>(outcome: Outcome<T>, places: Places = new Map()): Outcome<T> {
  if (outcome.ok || outcome.error.code !== "invalid_request") return outcome;
  return invalid(outcome.error.issues.map(({ path, message }) => ({ path: toWirePath(path, places), message })));
}

function toWirePath(path: string, places: Places): string {
  const [, ours = "", rest = ""] = STEP_PATH.exec(path) ?? [];
  const place = places.get(ours);
  if (place !== undefined) return place.path + stepMember(place.type, rest);
  const member = MEMBERS.find(
    ([begin]) => path === begin || (/^[.[]/.test(path.slice(begin.length)) && path.startsWith(begin)),
  );
  return member === undefined ? path : member[1] + path.slice(member[0].length);
}

function stepMember(type: StepWire["type"], rest: string): string {
  const [, name = "", inner = ""] = /^\.(\w+)(.*)$/s.exec(rest) ?? [];
  if (name === "" || COMMON.has(name)) return rest;
  const renamed = STEP_MEMBERS[type][name];
  // Policies have members of their own, which this API has not.
  return `.config.${renamed ?? name}${renamed === "retries" ? "" : inner}`;
}
