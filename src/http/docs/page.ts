/** The documentation as one page for people, from the same contracts as /openapi.json. */

import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { ERRORS } from "../errors.ts";
import type { documentOf } from "../openapi.ts";
import { errorsOf } from "../openapi.ts";
import type { AnswerContract, Operation } from "../operation.ts";
import { curlOf } from "./curl.ts";
import type { Components, FieldRow, JsonSchema } from "./schemaTable.ts";
import { fieldRows, typeText } from "./schemaTable.ts";
import { STYLE } from "./style.ts";

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;
type Document = ReturnType<typeof documentOf>;

const ACCESS: Readonly<Record<Operation["access"], string>> = {
  public: "No token needed.",
  operator: "Needs the operator's token.",
  read: "Any role: owner, admin, member.",
  write: "Roles owner and admin.",
  administer: "Role owner.",
};

/** `origin` is where the reader found the page, so that the examples can be pasted as they are. */
export async function docsPage(operations: readonly Operation[], document: Document, origin: string): Promise<string> {
  const tags = document.tags ?? [];
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Carillon API</title>
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <nav>
          <p><a href="#top">Carillon ${document.info.version}</a></p>
          ${tags.map(({ name }) => navigation(name, ofTag(operations, name)))}
          <p><a href="#errors">Errors</a></p>
          <p><a href="/openapi.json">openapi.json</a></p>
        </nav>
        <main id="top">
          <h1>Carillon API</h1>
          <p>${document.info.description ?? ""}</p>
          ${introduction()}
          ${tags.map(
            ({ name, description }) =>
              html`<h2 id="tag-${name}">${name}</h2>
                <p>${description ?? ""}</p>
                ${ofTag(operations, name).map((operation) => section(operation, document, origin))}`,
          )}
          ${errorTable()}
        </main>
      </body>
    </html>`;
  return page.toString();
}

/** Text in which backticks mark code. */
function prose(text: string): Html[] {
  return text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

function ofTag(operations: readonly Operation[], tag: string): Operation[] {
  return operations.filter(({ contract }) => contract.tag === tag);
}

function navigation(tag: string, operations: readonly Operation[]): Html {
  return html`<a href="#tag-${tag}"><strong>${tag}</strong></a>
    <ul>
      ${operations.map(({ contract }) => html`<li><a href="#${contract.id}">${contract.summary}</a></li>`)}
    </ul>`;
}

function introduction(): Html {
  return html`<p>
      Send a token as <code>Authorization: Bearer &lt;token&gt;</code> or <code>x-api-key: &lt;token&gt;</code>. Bodies
      and answers are JSON, times ISO 8601 in UTC with milliseconds. Every answer carries <code>x-request-id</code>;
      yours is echoed if you send one.
    </p>
    <p>
      Lists answer <code>{"data": […], "pagination": {…}}</code>: page with <code>limit</code> and <code>offset</code>,
      or pass <code>next_cursor</code> as <code>cursor</code>.
    </p>`;
}

function section(operation: Operation, document: Document, origin: string): Html {
  const { contract, access } = operation;
  const components = (document.components?.schemas ?? {}) as Components;
  const documented = document.paths?.[contract.path]?.[contract.method];
  const parameters = (documented?.parameters ?? []) as readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: JsonSchema;
  }[];
  const requestBody = documented?.requestBody as
    { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> } | undefined;
  const body = requestBody?.content["application/json"]?.schema;
  return html`<section id="${contract.id}">
    <h3>${contract.summary}</h3>
    <p><code class="method">${contract.method}</code> <code>${contract.path}</code> · ${ACCESS[access]}</p>
    <p>${prose(contract.description)}</p>
    ${fields(
      "Parameters",
      parameters.map(({ name, in: place, required = false, description, schema }) => ({
        path: `${name} (${place})`,
        type: typeText(schema, components),
        required,
        description: description ?? schema.description ?? "",
      })),
    )}
    ${fields("Body", body === undefined ? [] : fieldRows(body, components))}
    <h4>Example</h4>
    <pre>${curlOf(operation, origin)}</pre>
    ${Object.entries(contract.body?.moreExamples ?? {}).map(
      ([name, value]) =>
        html`<p>${name}</p>
          <pre>${JSON.stringify(value, null, 2)}</pre>`,
    )}
    ${Object.entries(contract.answers).map(([status, answer]) => example(status, answer))}
    <p>Errors: ${errorsOf(operation).map((code) => html`<a href="#error-${code}"><code>${code}</code></a> `)}</p>
  </section>`;
}

function fields(title: string, rows: readonly FieldRow[]): Html {
  if (rows.length === 0) return html``;
  return html`<h4>${title}</h4>
    <table>
      ${rows.map(
        ({ path, type, required, description }) =>
          html`<tr>
            <td><code>${path}</code>${required ? " (required)" : ""}</td>
            <td>${type}</td>
            <td>${prose(description)}</td>
          </tr>`,
      )}
    </table>`;
}

function example(status: string, { description, example }: AnswerContract): Html {
  const shown = typeof example === "string" ? example : JSON.stringify(example, null, 2);
  const text = example === undefined ? "" : html`<pre>${shown}</pre>`;
  return html`<p><strong>${status}</strong> ${description}</p>
    ${text}`;
}

function errorTable(): Html {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, meaning }]) =>
      html`<tr id="error-${code}">
        <td>${status}</td>
        <td><code>${code}</code></td>
        <td>${prose(meaning)}</td>
      </tr>`,
  );
  return html`<h2 id="errors">Errors</h2>
    <p><code>{"error": {"code": "…", "message": "…", "details": …}}</code></p>
    <table>
      ${rows}
    </table>`;
}
