/** Everything that can be said against a request when it is saved. */

import type { FieldIssue } from "../issue.ts";
import { checkHeader } from "../net/headers.ts";
import { checkTarget } from "../net/target.ts";
import type { TargetPolicy } from "../net/target.ts";
import { validateOutput } from "../response/output.ts";
import { validateRules } from "../response/rules.ts";
import { validateSecretPlacement } from "../secret/reference.ts";
import { memberPath } from "../template/fieldPath.ts";
import { urlForGuard, validateRequestTemplates } from "../template/requestTemplate.ts";
import { JOB_VARIABLES, type TemplateVariables } from "../template/variables.ts";
import type { RequestSpec } from "./request.ts";

/** Bounds of the seed (TrigRun "Request configuration"). */
export const TIMEOUT_SECONDS_LEAST = 1;
export const TIMEOUT_SECONDS_MOST = 300;

/** More than any service asks for; with 8 KB a header, about what servers take in all. */
const HEADERS_MOST = 64;

/** There are about 60 registered statuses. */
export const STATUSES_MOST = 100;

export const STATUS_LEAST = 100;
export const STATUS_MOST = 599;

/** A request of which the URL may be unknown, because it was refused before or never given. */
export type RequestDraft = Omit<RequestSpec, "url"> & { readonly url: string | undefined };

/** `variables` are those that its templates may name: a plain job's, unless it is a step's request. */
export function validateRequest(
  request: RequestDraft,
  policy: TargetPolicy,
  { variables }: { readonly variables: TemplateVariables } = { variables: JOB_VARIABLES },
): FieldIssue[] {
  // An empty URL has nothing in it to complain about, so the other fields are judged without it.
  const spec: RequestSpec = { ...request, url: request.url ?? "" };
  const placement = [
    ...validateRequestTemplates(spec, "request", variables),
    ...validateSecretPlacement(spec, "request"),
  ];
  const urlIsReadable = !placement.some((issue) => issue.path === "request.url");
  return [
    ...(request.url !== undefined && urlIsReadable ? validateUrl(request.url, policy) : []),
    ...placement,
    ...validateHeaders(request.headers),
    ...validateBody(request),
    ...validateTimeout(request.timeoutSeconds),
    ...validateStatuses(request.successStatuses),
    ...validateRules(request, "request"),
    ...validateOutput(request.output, "request.output", variables),
  ];
}

function validateUrl(url: string, policy: TargetPolicy): FieldIssue[] {
  const target = checkTarget(urlForGuard(url), policy);
  return target.ok ? [] : [{ path: "request.url", message: target.error.message }];
}

function validateHeaders(headers: RequestSpec["headers"]): FieldIssue[] {
  const names = Object.keys(headers);
  const issues: FieldIssue[] = [];
  if (names.length > HEADERS_MOST) {
    issues.push({ path: "request.headers", message: `may have at most ${HEADERS_MOST} headers` });
  }
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    const path = memberPath("request.headers", name);
    const message = checkHeader(name, value);
    if (message !== null) issues.push({ path, message });
    if (seen.has(name.toLowerCase())) {
      issues.push({ path, message: "is given twice, in different case; join the values with a comma" });
    }
    seen.add(name.toLowerCase());
  }
  return issues;
}

/** The platform sends no GET with a body, so such a job could never run. */
function validateBody(request: Pick<RequestSpec, "method" | "body">): FieldIssue[] {
  if (request.method !== "GET" || request.body === null) return [];
  return [{ path: "request.body", message: "must be null with method GET; use POST, PUT, PATCH or DELETE to send it" }];
}

function validateTimeout(seconds: number): FieldIssue[] {
  if (Number.isInteger(seconds) && seconds >= TIMEOUT_SECONDS_LEAST && seconds <= TIMEOUT_SECONDS_MOST) return [];
  const range = `from ${TIMEOUT_SECONDS_LEAST} to ${TIMEOUT_SECONDS_MOST}`;
  return [{ path: "request.timeout_seconds", message: `must be a whole number of seconds ${range}` }];
}

function validateStatuses(statuses: readonly number[]): FieldIssue[] {
  const path = "request.success_statuses";
  if (statuses.length === 0) return [{ path, message: "must name at least one status, such as 200" }];
  if (statuses.length > STATUSES_MOST) return [{ path, message: `may have at most ${STATUSES_MOST} statuses` }];
  return [...statuses.entries()]
    .filter(([, status]) => !Number.isInteger(status) || status < STATUS_LEAST || status > STATUS_MOST)
    .map(([index]) => ({
      path: `${path}[${index}]`,
      message: `must be an HTTP status from ${STATUS_LEAST} to ${STATUS_MOST}`,
    }));
}
