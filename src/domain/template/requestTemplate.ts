/** Templates and secrets in a job's request: where they may stand, and the request they become. */

import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";
import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";
import { headerText } from "../secret/headerText.ts";
import { SECRET_SCHEME, resolveSecrets } from "../secret/reference.ts";
import type { SecretBearing, SecretContext } from "../secret/reference.ts";
import { memberPath } from "./fieldPath.ts";
import { percentEncode, renderText, renderValue } from "./render.ts";
import type { TemplateScope, TextRules } from "./render.ts";
import { parseTemplate } from "./template.ts";
import type { Expression, Template } from "./template.ts";
import { splitUrl } from "./url.ts";
import { JOB_VARIABLES, validateTemplate } from "./variables.ts";
import type { TemplateVariables } from "./variables.ts";

/** Everything wrong with the templates of a request at save time; `basePath` is where it stands, such as `request`. */
export function validateRequestTemplates(
  request: SecretBearing,
  basePath: string,
  allowed: TemplateVariables = JOB_VARIABLES,
): FieldIssue[] {
  const issues = validateUrl(request.url, `${basePath}.url`, allowed);
  for (const [name, value] of Object.entries(request.headers)) {
    const path = memberPath(`${basePath}.headers`, name);
    if (name.includes("{{"))
      issues.push({ path, message: "has a template in the header's name; only values may have one" });
    issues.push(...validateText(value, path, allowed));
  }
  return [...issues, ...validateBody(request.body, `${basePath}.body`, allowed)];
}

function validateUrl(url: string, path: string, allowed: TemplateVariables): FieldIssue[] {
  const parts = splitUrl(url);
  if (parts.origin.includes("{{")) {
    return [{ path, message: "may have templates only in its path, query and fragment, after https://host" }];
  }
  // The URL standard drops tabs and line breaks and reads `\` as `/`; what has neither reads the same with any value.
  if (url.includes("{{") && /[\\\t\r\n]/.test(url.replaceAll("\\{{", "{{"))) {
    return [{ path, message: "must not have backslashes, tabs or line breaks beside templates" }];
  }
  return validateText(url, path, allowed);
}

function validateText(text: string, path: string, allowed: TemplateVariables): FieldIssue[] {
  if (/secret:\/\/[a-z0-9._-]*\{\{/i.test(text)) {
    return [{ path, message: "has a template inside a secret:// reference; the name must be written out" }];
  }
  return validateTemplate(text, path, allowed);
}

function validateBody(body: JsonValue, path: string, allowed: TemplateVariables): FieldIssue[] {
  if (typeof body === "string") return validateText(body, path, allowed);
  if (typeof body !== "object" || body === null) return [];
  if (Array.isArray(body)) {
    return body.flatMap((item: JsonValue, index) => validateBody(item, `${path}[${index}]`, allowed));
  }
  const issues: FieldIssue[] = [];
  for (const [key, value] of Object.entries(body as Readonly<Record<string, JsonValue>>)) {
    const at = memberPath(path, key);
    if (key.includes("{{")) issues.push({ path: at, message: "has a template in a key; only values may have one" });
    issues.push(...validateBody(value, at, allowed));
  }
  return issues;
}

export interface RenderedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonValue;
}

/** Replaces the references in a literal part of a template. */
export type SecretResolver = (text: string, context: SecretContext) => Result<string, { readonly missing: string }>;

/** The resolver of an attempt, which fails on a secret that is not in `values`. */
export function secretsFrom(values: ReadonlyMap<string, string>): SecretResolver {
  return (text, context) => resolveSecrets(text, values, context);
}

/** Leaves references as they stand, for what is shown and stored. */
export const keepReferences: SecretResolver = (text) => ok(text);

/**
 * The request of one attempt. Values come from the scope alone, so the same scope gives the same request.
 *
 * Secrets are resolved in the parts that the author wrote and never in a value: a job named `secret://stripe` does not
 * get the key by writing `{{job_name}}`, and a secret that contains `{{` is not read as a template.
 *
 * - URL: values are percent-encoded and stand after the host, so they cannot change where the request goes.
 * - Headers: values lose control characters and cannot add a header.
 * - JSON body: a string that is one expression becomes its value with its JSON type; in any other string the value is
 *   text within that string. A body that is itself a string is sent as text, values as they are.
 *
 * @returns an error for the first secret that is missing. Assumes that the request passed
 * {@link validateRequestTemplates}; a text that does not parse is kept as it is.
 */
export function renderRequest(
  request: SecretBearing,
  scope: TemplateScope,
  secrets: SecretResolver,
): Result<RenderedRequest, { readonly missing: string }> {
  const renderer = new Renderer(scope, secrets);
  const headers = Object.entries(request.headers).map(([name, value]) => [name, renderer.header(value)] as const);
  const rendered: RenderedRequest = {
    url: renderer.url(request.url),
    headers: Object.fromEntries(headers),
    body: typeof request.body === "string" ? renderer.text(request.body) : renderer.json(request.body),
  };
  return renderer.missing === null ? ok(rendered) : err({ missing: renderer.missing });
}

class Renderer {
  missing: string | null = null;
  readonly #scope: TemplateScope;
  readonly #secrets: SecretResolver;

  constructor(scope: TemplateScope, secrets: SecretResolver) {
    this.#scope = scope;
    this.#secrets = secrets;
  }

  url(text: string): string {
    // A value that its author encoded with `| url` is not encoded twice.
    const value = (raw: string, expression: Expression): string =>
      expression.filters.at(-1)?.name === "url" ? raw : percentEncode(raw);
    return renderText(parsed(text), this.#scope, { literal: this.#resolve("query"), value });
  }

  header(text: string): string {
    return renderText(parsed(text), this.#scope, { literal: this.#resolve("header"), value: headerText });
  }

  text(text: string): string {
    return renderText(parsed(text), this.#scope, this.#bodyRules());
  }

  json(value: JsonValue): JsonValue {
    if (typeof value === "string") return renderValue(parsed(value), this.#scope, this.#bodyRules());
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item: JsonValue) => this.json(item));
    const entries = Object.entries(value as Readonly<Record<string, JsonValue>>);
    return Object.fromEntries(entries.map(([key, item]) => [key, this.json(item)]));
  }

  #bodyRules(): TextRules {
    return { literal: this.#resolve("body") };
  }

  #resolve(context: SecretContext): (text: string) => string {
    return (text) => {
      const resolved = this.#secrets(text, context);
      if (resolved.ok) return resolved.value;
      this.missing ??= resolved.error.missing;
      return "";
    };
  }
}

function parsed(text: string): Template {
  const template = parseTemplate(text);
  return template.ok ? template.value : [{ kind: "literal", text }];
}

/**
 * The URL for the target guard to look at when a job is saved: each expression and secret replaced by `x`, which reads
 * as part of a path or a query. The host is what it will be at send, as {@link validateRequestTemplates} allows no
 * template in it.
 */
export function urlForGuard(url: string): string {
  const text = renderText(parsed(url), {}, { value: () => "x" });
  return text.includes(SECRET_SCHEME) ? text.replaceAll(/secret:\/\/[A-Za-z0-9._-]*/g, "x") : text;
}
