/** Templates of one step on their way into our words, and what is wrong with them. */

import type { FieldIssue } from "../../../domain/issue.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { memberPath } from "../../../domain/template/fieldPath.ts";
import { percentEncode } from "../../../domain/template/render.ts";
import { parseTemplate } from "../../../domain/template/template.ts";
import type { TemplateContext } from "./templates.ts";
import { toOurTemplate } from "./templates.ts";
import { writeTemplate } from "./templateText.ts";

export class StepTexts {
  readonly issues: FieldIssue[] = [];
  readonly #context: TemplateContext;
  /** Of the step's `config`. */
  readonly #path: string;

  constructor(path: string, context: TemplateContext) {
    this.#path = path;
    this.#context = context;
  }

  complain(field: string, message: string): void {
    this.issues.push({ path: `${this.#path}.${field}`, message });
  }

  text(field: string, text: string): string {
    const translated = toOurTemplate(text, this.#context);
    if (translated.ok) return translated.value;
    this.complain(field, translated.error);
    return text;
  }

  json(field: string, value: JsonValue): JsonValue {
    if (typeof value === "string") return this.text(field, value);
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item: JsonValue, index) => this.json(`${field}[${index}]`, item));
    return this.#members(field, value as Readonly<Record<string, JsonValue>>, (at, item) => this.json(at, item));
  }

  texts(field: string, values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    return this.#members(field, values, (at, item) => this.text(at, item));
  }

  /** `?a=1&b={{input.b}}`: what a template comes to is encoded when the request is made. */
  query(field: string, params: Readonly<Record<string, string | number | boolean>>): string {
    const pairs = Object.entries(params).map(([name, value]) => {
      const text = this.text(memberPath(field, name), String(value));
      return `${percentEncode(name)}=${encodeLiterals(text)}`;
    });
    return pairs.join("&");
  }

  #members<From, To>(
    field: string,
    members: Readonly<Record<string, From>>,
    change: (field: string, member: From) => To,
  ): Readonly<Record<string, To>> {
    return Object.fromEntries(
      Object.entries(members).map(([key, member]) => [key, change(memberPath(field, key), member)]),
    );
  }
}

function encodeLiterals(text: string): string {
  const template = parseTemplate(text);
  if (!template.ok) return text;
  return writeTemplate(
    template.value.map((node) =>
      node.kind === "expression" ? node : { ...node, text: encodeAroundSecrets(node.text) },
    ),
  );
}

function encodeAroundSecrets(text: string): string {
  const parts = text.split(/(secret:\/\/[A-Za-z0-9._-]*)/);
  return parts.map((part, index) => (index % 2 === 1 ? part : percentEncode(part))).join("");
}
