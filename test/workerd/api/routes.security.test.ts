import { beforeAll, describe, expect, it } from "vitest";
import { OPERATIONS } from "../../../src/http/v1/operations.ts";
import type { Operation } from "../../../src/http/operation.ts";
import type { TestWorkspace } from "./harness.ts";
import { OPERATOR_TOKEN, call, createWorkspace } from "./harness.ts";

/** The same demands on every route, present and future: a new operation is tested because it is in `OPERATIONS`. */

let ours: TestWorkspace;
let theirs: TestWorkspace;
let ids: Record<string, string>;

beforeAll(async () => {
  [ours, theirs] = await Promise.all([createWorkspace("ours"), createWorkspace("theirs")]);
  const job = await theirs.createJob({ retry_policy: { max_attempts: 1 } });
  const execution = await theirs.call("POST", `/v1/jobs/${job.id}/run-now`);
  const tokens = await theirs.call("GET", "/v1/tokens");
  await theirs.call("POST", "/v1/secrets", { body: { name: "stripe-key", value: "x" } });
  ids = {
    job_id: job.id,
    execution_id: execution.body.id,
    token_id: tokens.body.data[0].id,
    secret_name: "stripe-key",
    step: "ask",
    version: "1",
  };
});

const GUARDED = OPERATIONS.filter(({ access }) => access !== "public");
const named = (operations: readonly Operation[]) =>
  operations.map((operation) => [operation.contract.id, operation] as const);

function send(operation: Operation, token: string | null, idOf: (name: string) => string = (name) => ids[name] ?? "") {
  const { method, path, body } = operation.contract;
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => idOf(name));
  return call(method.toUpperCase(), url, { token, ...(body === undefined ? {} : { body: body.example }) });
}

describe("without a token", () => {
  it.each(named(GUARDED))("%s is refused", async (_, operation) => {
    const reply = await send(operation, null);
    expect(reply).toMatchObject({ status: 401, body: { error: { code: "unauthorized" } } });
    expect(reply.headers.get("www-authenticate")).toContain("Bearer");
  });
});

describe("with a token that opens nothing", () => {
  it.each(named(GUARDED))("%s is refused", async (_, operation) => {
    expect((await send(operation, "car_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")).status).toBe(401);
  });
});

describe("with the operator's token", () => {
  it.each(named(GUARDED.filter(({ access }) => access !== "operator")))("%s is refused", async (_, operation) => {
    expect((await send(operation, OPERATOR_TOKEN)).status).toBe(403);
  });
});

describe("with a member's token", () => {
  it.each(named(GUARDED.filter(({ access }) => access !== "read")))("%s is refused", async (_, operation) => {
    const reply = await send(operation, theirs.member);
    expect(reply).toMatchObject({ status: 403, body: { error: { code: "forbidden" } } });
    if (operation.access !== "operator") expect(reply.body.error.message).toMatch(/role owner( or admin)?;/);
  });

  it.each(named(GUARDED.filter(({ access }) => access === "read")))("%s is answered", async (_, operation) => {
    expect((await send(operation, theirs.member)).status).toBe(200);
  });
});

describe("with an admin's token", () => {
  it.each(named(GUARDED.filter(({ access }) => access === "administer")))("%s is refused", async (_, operation) => {
    expect((await send(operation, theirs.admin)).status).toBe(403);
  });
});

/** A webhook's address does not even tell whether it is one, so its operation does not promise a 404. */
const WITH_ID = OPERATIONS.filter(
  ({ contract }) => contract.path.includes("{") && (contract.errors.includes("not_found") || 404 in contract.answers),
);

describe("what belongs to another workspace", () => {
  it.each(named(WITH_ID))("is not there for %s", async (_, operation) => {
    expect(await send(operation, ours.owner)).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
  });

  it("is in no list", async () => {
    for (const path of ["/v1/jobs", "/v1/secrets", "/v1/executions", `/v1/executions?job_id=${ids.job_id}`]) {
      expect((await ours.call("GET", path)).body.data).toEqual([]);
    }
    const own = await ours.call("GET", "/v1/tokens");
    expect(own.body.data.map((token: { id: string }) => token.id)).not.toContain(ids.token_id);
  });

  it("is untouched by all these tries", async () => {
    expect((await theirs.call("GET", `/v1/jobs/${ids.job_id}`)).body).toMatchObject({ version: 1, state: "active" });
  });
});

describe("an id that is none", () => {
  const BAD = [
    "nope",
    "job_",
    "%00",
    "..%2f",
    "job_01k8rb2c9078f31njdbhv0m7q2",
    "x".repeat(2_000),
    "'; DROP TABLE jobs;--",
  ];
  it.each(named(WITH_ID))("is 404 for %s", async (_, operation) => {
    for (const id of BAD) {
      const reply = await send(operation, ours.owner, () => encodeURIComponent(id));
      expect([id, reply.status]).toEqual([id, 404]);
    }
  });
});
