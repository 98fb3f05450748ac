/** The OpenAPI 3.1 document, generated from the contracts of the operations. */

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { HttpErrorCode } from "./errors.ts";
import { ERRORS } from "./errors.ts";
import { parametersOf } from "./methods.ts";
import type { Contract, Operation } from "./operation.ts";
import { API_VERSION } from "./version.ts";

type Registry = OpenAPIHono["openAPIRegistry"];

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

/** What stands for the parameters of a path in examples. */
const ID_EXAMPLES: Readonly<Record<string, string>> = {
  job_id: "job_01k8rb2c9078f31njdbhv0m7q2",
  version: "1",
  execution_id: "exe_01k8rdnm8078f31njdbhv0m7q2000000",
  token_id: "tok_01k8rb2c9078f31njdbhv0m7q2",
  secret_name: "stripe-key",
  trigger_token: "whk_q5m2xk7ahz3nw6ueb4tdyrfjcvs2lpiogm5xq7ka",
  step: "sign-off",
  token: "5f0c1ad6b3e94c27a8d1f6027be4c935",
};

/** A path with examples in the place of its parameters. */
export function examplePath({ path, queryExample }: Contract): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ID_EXAMPLES[name] ?? "id") + (queryExample ?? "");
}

function registerSecurity(registry: Registry): void {
  registry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  registry.registerComponent("securitySchemes", "apiKey", { type: "apiKey", in: "header", name: "x-api-key" });
}

function registerOperation(registry: Registry, operation: Operation): void {
  const { contract, access } = operation;
  const parameters = parametersOf(contract.path);
  const params = z.object(Object.fromEntries(parameters.map((name) => [name, idSchema(name)])));
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
        ...(parameters.length === 0 ? {} : { params }),
        ...(contract.query === undefined ? {} : { query: contract.query }),
        ...(contract.headers === undefined ? {} : { headers: contract.headers }),
        ...(contract.body === undefined ? {} : { body: bodyOf(contract.body) }),
      },
      responses: { ...answersOf(contract), ...errorAnswersOf(errorsOf(operation)) },
    }),
  );
}

/** Takes longer than most requests (some 20 ms), so it is for whoever asks for the document, and not for start-up. */
export function documentOf(operations: readonly Operation[]) {
  const app = new OpenAPIHono();
  registerSecurity(app.openAPIRegistry);
  for (const operation of operations) registerOperation(app.openAPIRegistry, operation);
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
      { name: "Approvals", description: "What waits for a person, and their decisions." },
      { name: "Triggers", description: "URLs that webhooks start jobs by." },
      { name: "Secrets", description: "What requests carry and are signed with, and nobody sees." },
      { name: "Access", description: "Workspaces, tokens and roles." },
      { name: "Instance", description: "The instance itself." },
    ],
  });
}

function idSchema(parameter: string) {
  return z.string().openapi({ example: ID_EXAMPLES[parameter] ?? "id" });
}

function bodyOf({ schema, example, moreExamples, optional, text, any }: NonNullable<Contract["body"]>) {
  if (any === true) return { content: { "*/*": { schema, example } }, required: false };
  const named = Object.entries({ default: example, ...moreExamples }).map(
    ([name, value]) => [name, { value }] as const,
  );
  const shown = moreExamples === undefined ? { example } : { examples: Object.fromEntries(named) };
  const json = { "application/json": { schema, ...shown } };
  return {
    content: text === undefined ? json : { ...json, "text/plain": { schema: text.schema, example: text.example } },
    required: optional !== true,
  };
}

function answersOf({ answers }: Contract) {
  const entries = Object.entries(answers).map(
    ([status, { description, schema, example, contentType = "application/json" }]) => [
      status,
      schema === undefined ? { description } : { description, content: { [contentType]: { schema, example } } },
    ],
  );
  return Object.fromEntries(entries) as Record<string, { description: string }>;
}

/** The codes that an operation may answer with: its own, and those of everything that is guarded, read or stored. */
export function errorsOf({ access, contract }: Operation): HttpErrorCode[] {
  const codes: HttpErrorCode[] = [];
  const isJson = contract.body !== undefined && contract.body.any !== true;
  if (contract.query !== undefined || isJson) codes.push("invalid_request");
  if (isJson) codes.push("malformed_json");
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
