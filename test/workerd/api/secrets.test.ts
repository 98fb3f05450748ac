import { beforeAll, describe, expect, it } from "vitest";
import { SECRET_VALUE_BYTES_MOST } from "../../../src/domain/secret/secret.ts";
import type { TestWorkspace } from "./harness.ts";
import { OPERATOR_TOKEN, TARGET, call, createWorkspace, paths } from "./harness.ts";

let workspace: TestWorkspace;

beforeAll(async () => {
  workspace = await createWorkspace();
});

const create = (name: string, more: object = {}) =>
  workspace.call("POST", "/v1/secrets", { body: { name, value: `value of ${name}`, ...more } });

describe("POST /v1/secrets", () => {
  it("answers with everything but the value", async () => {
    const reply = await create("created");
    expect(reply.status).toBe(201);
    expect(reply.body).toEqual({
      id: expect.stringMatching(/^sec_[0-9a-z]{26}$/),
      name: "created",
      environment: "workspace",
      created_at: expect.stringMatching(/Z$/),
      updated_at: reply.body.created_at,
      key_version: "v1",
      used_by: [],
    });
    expect((await create("labelled", { environment: "staging" })).body.environment).toBe("staging");
  });

  it("refuses a name that is taken and says what to do", async () => {
    await create("taken");
    const reply = await create("taken");
    expect(reply).toMatchObject({ status: 409, body: { error: { code: "secret_exists" } } });
    expect(reply.body.error.message).toContain("PUT /v1/secrets/taken");
  });

  it.each(["a", "0", "a.b_c-d", "x".repeat(64)])("takes the name %j", async (name) => {
    expect((await create(name)).status).toBe(201);
  });

  it.each(["", "A", "-a", ".a", "_a", "a b", "a/b", "ä", "x".repeat(65), "a-", "a."])(
    "refuses the name %j",
    async (name) => {
      const reply = await create(name);
      expect([reply.status, paths(reply)]).toEqual([400, ["name"]]);
    },
  );

  it("takes a value of 64 KB and refuses more, none, and what UTF-8 cannot carry, without repeating it", async () => {
    expect((await create("large", { value: "x".repeat(SECRET_VALUE_BYTES_MOST) })).status).toBe(201);
    for (const value of [
      "",
      "y".repeat(SECRET_VALUE_BYTES_MOST + 1),
      "ü".repeat(SECRET_VALUE_BYTES_MOST / 2 + 1),
      "\ud800yy",
      7,
      null,
    ]) {
      const reply = await create("refused", { value });
      expect([reply.status, paths(reply)]).toEqual([400, ["value"]]);
      expect(JSON.stringify(reply.body)).not.toMatch(/yy|ü/);
    }
    expect((await workspace.call("PUT", "/v1/secrets/refused", { body: { value: "x" } })).status).toBe(404);
  });

  it("is open to an admin and closed to a member", async () => {
    const body = { name: "by-admin", value: "x" };
    expect((await call("POST", "/v1/secrets", { token: workspace.admin, body })).status).toBe(201);
    expect((await call("POST", "/v1/secrets", { token: workspace.member, body })).status).toBe(403);
  });
});

describe("PUT /v1/secrets/:name", () => {
  it("rotates in place", async () => {
    const created = await create("rotated");
    const reply = await workspace.call("PUT", "/v1/secrets/rotated", { body: { value: "next" } });
    expect(reply).toMatchObject({ status: 200, body: { id: created.body.id, key_version: "v2" } });
    expect(Date.parse(reply.body.updated_at)).toBeGreaterThanOrEqual(Date.parse(created.body.updated_at));
  });

  it("creates nothing", async () => {
    const reply = await workspace.call("PUT", "/v1/secrets/nobody", { body: { value: "x" } });
    expect(reply).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
  });
});

describe("GET /v1/secrets", () => {
  it("lists by name, in pages, with the jobs that use each", async () => {
    const own = await createWorkspace("lists");
    for (const name of ["b", "a", "c"]) await own.call("POST", "/v1/secrets", { body: { name, value: "v" } });
    const request = {
      url: `${TARGET}?k=secret://a`,
      method: "POST",
      headers: { x: "Bearer secret://b" },
      body: ["secret://b"],
    };
    const job = await own.createJob({ request });
    const first = await own.call("GET", "/v1/secrets?limit=2");
    expect(first.body.data.map((secret: { name: string; used_by: string[] }) => [secret.name, secret.used_by])).toEqual(
      [
        ["a", [job.id]],
        ["b", [job.id]],
      ],
    );
    expect(first.body.pagination).toMatchObject({ has_more: true });
    const second = await own.call("GET", "/v1/secrets?limit=2&offset=2");
    expect(second.body.data).toMatchObject([{ name: "c", used_by: [] }]);
    await own.call("PATCH", `/v1/jobs/${job.id}`, { body: { request: { headers: { x: "secret://c" } } } });
    const users = (await own.call("GET", "/v1/secrets")).body.data.map(
      (secret: { used_by: string[] }) => secret.used_by,
    );
    expect(users).toEqual([[job.id], [job.id], [job.id]]);
  });
});

describe("DELETE /v1/secrets/:name", () => {
  it("answers 409 with the jobs that use it, unless forced", async () => {
    await create("in-use");
    const job = await workspace.createJob({ request: { url: TARGET, headers: { k: "secret://in-use" } } });
    const kept = await workspace.call("DELETE", "/v1/secrets/in-use");
    expect(kept).toMatchObject({
      status: 409,
      body: { error: { code: "secret_in_use", details: { used_by: [job.id] } } },
    });
    expect((await workspace.call("DELETE", "/v1/secrets/in-use?force=yes")).status).toBe(400);
    expect((await workspace.call("DELETE", "/v1/secrets/in-use?force=true")).status).toBe(204);
    expect((await workspace.call("DELETE", "/v1/secrets/in-use?force=true")).status).toBe(404);
  });
});

describe("a job that names a secret", () => {
  it("may be saved before the secret exists", async () => {
    await workspace.createJob({ request: { url: TARGET, headers: { k: "secret://to-come" } } });
    expect((await create("to-come")).body.used_by).toHaveLength(1);
  });

  it.each([
    ["in the host", { url: "https://secret://a/" }, "request.url"],
    ["in the path", { url: "https://a.example.com/secret://a" }, "request.url"],
    ["in a header's name", { url: TARGET, headers: { "secret://a": "x" } }, 'request.headers["secret://a"]'],
    ["in a key of the body", { url: TARGET, method: "POST", body: { "secret://a": 1 } }, 'request.body["secret://a"]'],
    ["with a name that is none", { url: TARGET, headers: { k: "secret://Stripe" } }, "request.headers.k"],
    ["with a template inside", { url: TARGET, headers: { k: "secret://a{{uuid}}" } }, "request.headers.k"],
  ])("is refused with it %s", async (_where, request, path) => {
    const reply = await workspace.call("POST", "/v1/jobs", { body: { name: "x", kind: "one_time", request } });
    expect([reply.status, paths(reply)]).toEqual([400, [path]]);
  });
});

describe("signing keys", () => {
  it("are shown once, made by owners, and listed by everybody", async () => {
    const own = await createWorkspace("signs");
    expect((await own.call("GET", "/v1/signing-keys")).body).toEqual({ data: [] });
    expect((await call("POST", "/v1/signing-keys/rotate", { token: own.admin })).status).toBe(403);
    const first = await own.call("POST", "/v1/signing-keys/rotate");
    expect(first).toMatchObject({ status: 201, body: { expires_at: null, previous: [] } });
    expect(first.body.key).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const second = await own.call("POST", "/v1/signing-keys/rotate", { body: { overlap_seconds: 60 } });
    const listed = await call("GET", "/v1/signing-keys", { token: own.member });
    expect(listed.body.data.map(({ id }: { id: string }) => id)).toEqual([second.body.id, first.body.id]);
    const [, previous] = listed.body.data;
    expect(Date.parse(previous.expires_at) - Date.parse(second.body.created_at)).toBe(60_000);
    expect(JSON.stringify(listed.body)).not.toContain("whsec_");
  });

  it.each([-1, 2_592_001, 1.5, "60"])("refuse an overlap of %j", async (overlap) => {
    const reply = await workspace.call("POST", "/v1/signing-keys/rotate", { body: { overlap_seconds: overlap } });
    expect([reply.status, paths(reply)]).toEqual([400, ["overlap_seconds"]]);
  });

  it("are no more than five at a time", async () => {
    const own = await createWorkspace("impatient");
    for (let n = 0; n < 5; n++) expect((await own.call("POST", "/v1/signing-keys/rotate")).status).toBe(201);
    expect(await own.call("POST", "/v1/signing-keys/rotate")).toMatchObject({
      status: 409,
      body: { error: { code: "too_many_signing_keys" } },
    });
    const reply = await own.call("POST", "/v1/signing-keys/rotate", { body: { overlap_seconds: 0 } });
    expect(reply).toMatchObject({ status: 201, body: { previous: [] } });
  });
});

describe("POST /v1/admin/rotate-keys", () => {
  it("is the operator's, and finds nothing to do under one key", async () => {
    const reply = await call("POST", "/v1/admin/rotate-keys", { token: OPERATOR_TOKEN });
    expect(reply).toMatchObject({ status: 200, body: { done: 0, remaining: 0, failed: [], next_cursor: null } });
    const bad = await call("POST", "/v1/admin/rotate-keys", { token: OPERATOR_TOKEN, body: { cursor: "job_1" } });
    expect([bad.status, paths(bad)]).toEqual([400, ["cursor"]]);
  });
});
