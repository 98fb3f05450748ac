/**
 * References to secrets in what users write: `secret://name`, alone or inside a longer text.
 *
 * The name is the longest run of letters, digits, `.`, `_` and `-` after `secret://`, less any `.` and `-` at its end, so
 * that "Use secret://stripe." names `stripe` and `secret://a.b` names `a.b`. For the same reason a name may not end in
 * `.` or `-` ({@link isSecretName}). A run that is not a name (`secret://Stripe`, `secret://` alone, 65 characters)
 * is refused when the job is saved and is never sent.
 */

import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";
import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";
import { memberPath } from "../template/fieldPath.ts";
import { percentEncode } from "../template/render.ts";
import { splitUrl } from "../template/url.ts";
import { headerText } from "./headerText.ts";

export const SECRET_SCHEME = "secret://";
const REFERENCE = /secret:\/\/([A-Za-z0-9._-]*)/g;
const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9_])?$/;

/** 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`; first a letter or digit, last not `.` or `-`. */
export function isSecretName(name: string): boolean {
  return NAME.test(name);
}

export const SECRET_NAME_RULE =
  "must be 1 to 64 characters of a-z, 0-9, '.', '_' and '-', begin with a letter or digit and not end in '.' or '-'";

/** The parts of a request that references matter in; a `RequestSpec` is one. */
export interface SecretBearing {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonValue;
}

/** The names in a text, as often as they stand there; runs that are no name are left out. */
export function referencesIn(text: string): string[] {
  const names: string[] = [];
  for (const found of text.matchAll(REFERENCE)) {
    const name = trimName(found[1] as string);
    if (isSecretName(name)) names.push(name);
  }
  return names;
}

/** The names that a request uses, each once, in order of first use: header values, URL query, strings of the body. */
export function findSecretReferences(request: SecretBearing): string[] {
  const texts = [request.url, ...Object.values(request.headers), ...stringsIn(request.body)];
  return [...new Set(texts.flatMap(referencesIn))];
}

function trimName(run: string): string {
  return run.replace(/[.-]+$/, "");
}

function stringsIn(value: JsonValue): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value as Readonly<Record<string, JsonValue>>).flatMap(stringsIn);
}

/** Everything wrong with the references of a request at save time; `basePath` is where it stands, such as `request`. */
export function validateSecretPlacement(request: SecretBearing, basePath: string): FieldIssue[] {
  const issues: FieldIssue[] = validateUrl(request.url, `${basePath}.url`);
  for (const [name, value] of Object.entries(request.headers)) {
    const path = memberPath(`${basePath}.headers`, name);
    if (hasReference(name))
      issues.push({ path, message: "has a secret in the header's name; only values may have one" });
    issues.push(...validateText(value, path));
  }
  return [...issues, ...validateBody(request.body, `${basePath}.body`)];
}

/** In any case, as a mistyped scheme would be sent as it is. */
function hasReference(text: string): boolean {
  return text.toLowerCase().includes(SECRET_SCHEME);
}

function validateText(text: string, path: string): FieldIssue[] {
  const issues: FieldIssue[] = [];
  for (const [whole] of text.matchAll(/secret:\/\/[A-Za-z0-9._-]*/gi)) {
    const name = trimName(whole.slice(SECRET_SCHEME.length));
    if (!whole.startsWith(SECRET_SCHEME))
      issues.push({ path, message: `has ${whole}; the scheme is ${SECRET_SCHEME}` });
    else if (!isSecretName(name)) {
      issues.push({ path, message: `has ${whole}, which names no secret; a name ${SECRET_NAME_RULE}` });
    }
  }
  return issues;
}

function validateUrl(url: string, path: string): FieldIssue[] {
  const { query } = splitUrl(url);
  // Counted and not cut into parts: in `https://secret://a/` the reference would lie across host and path.
  if (countReferences(url) !== queryValues(query).reduce((sum, value) => sum + countReferences(value), 0)) {
    return [{ path, message: "may have secrets only in the values of its query, as in ?key=secret://name" }];
  }
  return validateText(query, path);
}

function countReferences(text: string): number {
  return text.toLowerCase().split(SECRET_SCHEME).length - 1;
}

/** The values of a raw query, as written. A part without `=` is all name. */
function queryValues(query: string): string[] {
  return query.split("&").map((part) => (part.includes("=") ? part.slice(part.indexOf("=") + 1) : ""));
}

function validateBody(body: JsonValue, path: string): FieldIssue[] {
  if (typeof body === "string") return validateText(body, path);
  if (typeof body !== "object" || body === null) return [];
  if (Array.isArray(body)) return body.flatMap((item: JsonValue, index) => validateBody(item, `${path}[${index}]`));
  const issues: FieldIssue[] = [];
  for (const [key, value] of Object.entries(body as Readonly<Record<string, JsonValue>>)) {
    const at = memberPath(path, key);
    if (hasReference(key)) issues.push({ path: at, message: "has a secret in a key; only values may have one" });
    issues.push(...validateBody(value, at));
  }
  return issues;
}

export type SecretContext = "header" | "query" | "body";

/**
 * A text with its references replaced by their values. A missing secret, or a run that is no name, is an error that
 * names it: the reference itself is never sent.
 *
 * Values are percent-encoded for a query. For a header, what could end it (line breaks and other control characters) is
 * taken out, so that no secret can add a header; a line break pasted after a key is the usual case. For a body they
 * stay as they are: JSON bodies are resolved string by string before they are serialised.
 */
export function resolveSecrets(
  text: string,
  values: ReadonlyMap<string, string>,
  context: SecretContext,
): Result<string, { readonly missing: string }> {
  let missing: string | null = null;
  const resolved = text.replaceAll(REFERENCE, (whole: string, run: string) => {
    const name = trimName(run);
    const value = isSecretName(name) ? values.get(name) : undefined;
    if (value === undefined) {
      missing ??= name === "" ? whole : name;
      return "";
    }
    return encode(value, context) + run.slice(name.length);
  });
  return missing === null ? ok(resolved) : err({ missing });
}

function encode(value: string, context: SecretContext): string {
  switch (context) {
    case "header":
      return headerText(value);
    case "query":
      return percentEncode(value);
    case "body":
      return value;
  }
}
