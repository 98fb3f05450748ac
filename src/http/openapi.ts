/** The OpenAPI 3.1 document, generated from the contracts of the operations. */

import type { OpenAPIHono } from "@hono/zod-openapi";
import { createRoute, z } from "@hono/zod-openapi";
import type { HttpErrorCode } from "./errors.ts";
import { ERRORS } from "./errors.ts";
import type { Contract, Operation } from "./operation.ts";
import { API_VERSION } from "./version.ts";

export type Registry = OpenAPIHono["openAPIRegistry"];

const ErrorSchema = z
  .strictObject({
    error: z.strictObject({
      code: z.string(),
      message: z.string(),
      details: z
        .unknown()
        .openapi({ description: "For invalid_request a list of `{path, message}`; else object or null." }),
    }),
  })
  .openapi("Error");

/** What stands for the parameter of a path in examples. */
const ID_EXAMPLES: Readonly<Record<string, string>> = {
  job_id: "job_01k8rb2c9078f31njdbhv0m7q2",
  execution_id: "exe_01k8rdnm8078f31njdbhv0m7q2ek000000",
  token_id: "tok_01k8rb2c9078f31njdbhv0m7q2",
  secret_name: "stripe-key",
};

/** The name of the parameter in a path; null when there is none. */
export function parameterOf(path: string): string | null {
  return /\{(\w+)\}/.exec(path)?.[1] ?? null;
}

/** A path with an example in the place of its parameter. */
export function examplePath({ path, queryExample }: Contract): string {
  return path.replace(/\{(\w+)\}/, (_, name: string) => ID_EXAMPLES[name] ?? "id") + (queryExample ?? "");
}

export function registerSecurity(registry: Registry): void {
  registry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  registry.registerComponent("securitySchemes", "apiKey", { type: "apiKey", in: "header", name: "x-api-key" });
}

export function registerOperation(registry: Registry, operation: Operation): void {
  const { contract, access } = operation;
  const parameter = parameterOf(contract.path);
  registry.registerPath(
    createRoute({
      method: contract.method,
      path: contract.path,
      operationId: contract.id,
      tags: [contract.tag],
      summary: contract.summary,
      description: contract.description,
      security: access === "public" ? [] : [{ bearer: [] }, { apiKey: [] }],
      request: {
        ...(parameter === null ? {} : { params: z.object({ [parameter]: idSchema(parameter) }) }),
        ...(contract.query === undefined ? {} : { query: contract.query }),
        ...(contract.headers === undefined ? {} : { headers: contract.headers }),
        ...(contract.body === undefined ? {} : { body: bodyOf(contract.body) }),
      },
      responses: { ...answersOf(contract), ...errorAnswersOf(errorsOf(operation)) },
    }),
  );
}

export function documentOf(app: Pick<OpenAPIHono, "getOpenAPI31Document">) {
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Carillon",
      version: API_VERSION,
      description: "HTTP jobs on time: cron, interval, one-off and immediate, retried, with their history.",
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "Jobs", description: "Saved HTTP requests with a schedule." },
      { name: "Schedules", description: "Schedules without a job." },
      { name: "Executions", description: "Runs of jobs, with each attempt." },
      { name: "Secrets", description: "What requests carry and are signed with, and nobody sees." },
      { name: "Access", description: "Workspaces, tokens and roles." },
      { name: "Instance", description: "The instance itself." },
    ],
  });
}

function idSchema(parameter: string) {
  return z.string().openapi({ example: ID_EXAMPLES[parameter] ?? "id" });
}

function bodyOf({ schema, example, optional, text }: NonNullable<Contract["body"]>) {
  const json = { "application/json": { schema, example } };
  return {
    content: text === undefined ? json : { ...json, "text/plain": { schema: text.schema, example: text.example } },
    required: optional !== true,
  };
}

function answersOf({ answers }: Contract) {
  const entries = Object.entries(answers).map(([status, { description, schema, example }]) => [
    status,
    schema === undefined ? { description } : { description, content: { "application/json": { schema, example } } },
  ]);
  return Object.fromEntries(entries) as Record<string, { description: string }>;
}

/** The codes that an operation may answer with: its own, and those of everything that is guarded, read or stored. */
export function errorsOf({ access, contract }: Operation): HttpErrorCode[] {
  const codes: HttpErrorCode[] = [];
  if (contract.query !== undefined || contract.body !== undefined) codes.push("invalid_request");
  if (contract.body !== undefined) codes.push("malformed_json");
  if (access !== "public") codes.push("unauthorized");
  if (access !== "public" && access !== "read") codes.push("forbidden");
  codes.push(...contract.errors);
  if (contract.body !== undefined) codes.push("payload_too_large");
  if (access !== "public") codes.push("storage_unavailable");
  return codes;
}

function errorAnswersOf(codes: readonly HttpErrorCode[]) {
  const byStatus = Map.groupBy(codes, (code) => ERRORS[code].status);
  const entries = [...byStatus].map(([status, ofStatus]) => [
    String(status),
    {
      description: ofStatus.map((code) => `\`${code}\`: ${ERRORS[code].meaning}`).join(" "),
      content: { "application/json": { schema: ErrorSchema, examples: examplesOf(ofStatus) } },
    },
  ]);
  return Object.fromEntries(entries) as Record<string, { description: string }>;
}

function examplesOf(codes: readonly HttpErrorCode[]) {
  return Object.fromEntries(
    codes.map((code) => [
      code,
      { value: { error: { code, message: ERRORS[code].meaning, details: detailsOf(code) } } },
    ]),
  );
}

function detailsOf(code: HttpErrorCode) {
  if (code !== "invalid_request") return null;
  return [{ path: "request.url", message: "request.url is required: text of 1 to 8192 characters." }];
}
