/** Secrets and signatures over the wire: what a target gets, and what nobody else ever sees. */

import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startInstance, until } from "../support/instance.ts";
import type { TestInstance } from "../support/instance.ts";
import { createJob, executionWhen, run, startRun } from "../support/runs.ts";
import { startTargetServer } from "../support/targetServer.ts";
import type { Arrival, TargetServer } from "../support/targetServer.ts";

/** As awkward as a key can be for URLs, JSON, HTML and headers; and one of digits, which JSON may make a number. */
const KEY = 'sk_Live/+=&%41"q\\z<7xQ9w2>';
const PIN = "8305517294";
const UMLAUT = "Schlüssel-Øresund-€uro";
/** Not secret: proves that the search would find what is there. */
const MARKER = "visible-marker-4711";

let instance: TestInstance;
let target: TargetServer;
let other: TargetServer;
/** Every body that the API answered with. */
const answers: string[] = [];

beforeAll(async () => {
  [target, other, instance] = await Promise.all([startTargetServer(), startTargetServer(), startInstance()]);
  const { api } = instance;
  instance = Object.create(instance, {
    api: {
      value: async (...call: Parameters<typeof api>) => {
        const answer = await api(...call);
        answers.push(JSON.stringify(answer.json), JSON.stringify([...answer.headers]));
        return answer;
      },
    },
  }) as TestInstance;
  for (const [name, value] of Object.entries({ key: KEY, pin: PIN, umlaut: UMLAUT })) {
    const created = await instance.api("POST", "/v1/secrets", { name, value });
    expect(created.status).toBe(201);
  }
});

afterAll(async () => {
  await Promise.all([instance.stop(), target.stop(), other.stop()]);
});

const secretRequest = (path: string, more: object = {}) => ({
  url: `${target.url}${path}?key=secret://key&pin=secret://pin`,
  method: "POST",
  headers: {
    Authorization: "Bearer secret://key",
    "X-Two": "secret://pin:secret://umlaut",
    "X-Marker": MARKER,
  },
  body: { key: "secret://key", text: "<secret://umlaut>", pin: "secret://pin" },
  ...more,
});

/** Gives back all that it got, in every form that the redactor promises to know. */
function echo(arrival: Arrival): { body: string; headers: Record<string, string> } {
  const base64 = [KEY, PIN, UMLAUT, `u:${KEY}`, `us:${UMLAUT}x`, `usr:${PIN}`].map((text) =>
    Buffer.from(text).toString("base64"),
  );
  const encoded = [KEY, PIN, UMLAUT].flatMap((text) => [
    text,
    encodeURIComponent(text),
    encodeURIComponent(text).toLowerCase(),
    new URLSearchParams({ text }).toString(),
    JSON.stringify(text),
  ]);
  const body = JSON.stringify({
    marker: MARKER,
    path: arrival.path,
    sent: arrival.headers,
    raw: arrival.body,
    json: JSON.parse(arrival.body),
    pin: Number(PIN),
    encoded,
    base64,
  });
  const headers = {
    "content-type": "application/json",
    "x-request-id": `${MARKER} ${KEY}`,
    etag: `"${encodeURIComponent(UMLAUT)}"`,
    server: `${PIN}/${base64[3]}`,
    // Cut by the client in the middle of the secret.
    "x-trace-id": "t".repeat(1_023 - 12) + KEY,
  };
  return { body, headers };
}

function formsOf(value: string): string[] {
  const alignments = [0, 1, 2].map((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
    const start = Math.ceil((offset * 8) / 6);
    return bytes.toString("base64").slice(start, Math.floor((bytes.length * 8) / 6));
  });
  return [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), value.toLowerCase(), ...alignments];
}

/** Names of the places in which a text stands. */
async function placesOf(texts: readonly string[]): Promise<string[]> {
  const files = (await readdir(instance.stateDir, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const places: [string, Buffer][] = await Promise.all(
    files.map(async (file) => [file.name, await readFile(join(file.parentPath, file.name))] as [string, Buffer]),
  );
  places.push(["log", Buffer.from(instance.logs.map((line) => JSON.stringify(line)).join("\n"))]);
  places.push(["api", Buffer.from(answers.join("\n"))]);
  return places.flatMap(([name, bytes]) =>
    texts.filter((text) => bytes.includes(text)).map((text) => `${name}: ${text}`),
  );
}

describe("a secret", () => {
  it("arrives in header, query and body, encoded for each", async () => {
    const execution = await run(instance, secretRequest("/arrives"));
    expect(execution.status).toBe("succeeded");
    const [arrival] = target.arrivalsAt("/arrives");
    expect(arrival?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(arrival?.headers["x-two"]).toBe(`${PIN}:${encodeURIComponent(UMLAUT)}`);
    const query = new URL(arrival?.path ?? "", target.url).searchParams;
    expect([query.get("key"), query.get("pin")]).toEqual([KEY, PIN]);
    expect(JSON.parse(arrival?.body ?? "")).toEqual({ key: KEY, text: `<${UMLAUT}>`, pin: PIN });
  });

  it("is found in no stored byte, no log and no answer, whatever the target echoes", async () => {
    target.on("/fails", (arrival) => ({ kind: "respond", status: 503, ...echo(arrival) }));
    target.on("/mismatch", (arrival) => ({ kind: "respond", ...echo(arrival) }));
    target.on("/waits", (arrival) => ({ kind: "respond", status: 500, ...echo(arrival) }));
    target.on("/cut", { kind: "respond", body: "x".repeat(65_536 - 10) + KEY });
    target.on("/cut-after-itself", { kind: "respond", body: KEY.repeat(Math.ceil(65_536 / KEY.length)) });
    target.on("/to-a-host", { kind: "redirect", to: `http://${PIN}.internal:25/${encodeURIComponent(KEY)}` });
    target.on("/to-a-scheme", { kind: "redirect", to: `${PIN.replace(/^/, "a")}:x` });

    const retries = { retry_policy: { max_attempts: 3, backoff: { type: "fixed", initial_ms: 1, jitter: false } } };
    const failed = await run(instance, secretRequest("/fails"), retries);
    expect(failed.attempts).toHaveLength(3);
    expect(failed.attempts[2].bodyPreview).toContain("[secret]");
    expect(failed.attempts[2].bodyPreview).toContain(MARKER);

    const mismatch = await run(
      instance,
      secretRequest("/mismatch", {
        response_matcher: { mode: "contains", value: "never there" },
        assertions: [
          { source: "header", name: "x-request-id", operator: "eq", value: "other" },
          { source: "header", name: "x-trace-id", operator: "matches", value: "never$" },
          { source: "json", path: "$.json.key", operator: "eq", value: "other" },
          { source: "json", path: "$.pin", operator: "lt", value: 0 },
        ],
      }),
    );
    expect(mismatch.attempts[0]).toMatchObject({ errorClass: "response_mismatch" });
    expect(mismatch.attempts[0].failedRules).toHaveLength(5);

    const output = { all: "$", pin: "$.pin", raw: "$.raw", none: "{{execution_id}}" };
    const kept = await run(instance, secretRequest("/mismatch", { output }));
    expect(kept.output).toMatchObject({ pin: "[secret]", all: { marker: MARKER, json: { key: "[secret]" } } });

    for (const path of ["/cut", "/cut-after-itself", "/to-a-host", "/to-a-scheme"]) {
      await run(instance, secretRequest(path));
    }
    const jobId = await createJob(instance, secretRequest("/fails"));
    const tested = await instance.api("POST", `/v1/jobs/${jobId}/test`);
    expect(tested.json.request.headers.Authorization).toBe("Bearer [secret]");

    // An execution between two attempts lives in its actor, previews and all.
    const patient = { retry_policy: { max_attempts: 2, backoff: { type: "list", list_ms: [600_000], jitter: false } } };
    const waitingJob = await createJob(instance, secretRequest("/waits"), patient);
    const waiting = await startRun(instance, waitingJob);
    await executionWhen(instance, waiting, (execution) => execution.attempts?.length === 1);

    await instance.api("GET", "/v1/secrets");
    await instance.api("GET", "/v1/executions?limit=100");
    await instance.api("GET", "/v1/jobs?limit=100");
    await instance.api("POST", "/v1/secrets", { name: "key", value: KEY });
    await instance.api("POST", "/v1/secrets", { name: "Key!", value: KEY });
    await instance.api("POST", "/v1/secrets", { name: "key2", valeu: KEY });
    await instance.api("PUT", "/v1/secrets/key", { value: KEY, environment: KEY.length });
    await instance.api("POST", "/v1/secrets", `{"name": "key3", "value": ${KEY}}`);
    await until(
      async () => new Set((await placesOf([MARKER])).filter((place) => place.includes(".sqlite"))).size >= 3,
      10_000,
      "the marker in D1 and in actors",
    );

    expect(await placesOf([MARKER])).toContain(`api: ${MARKER}`);
    expect(await placesOf([KEY, PIN, UMLAUT].flatMap(formsOf))).toEqual([]);
    // The half of one that stood before a cut, or between its own escapes.
    expect(await placesOf([KEY.slice(0, 8), PIN.slice(0, 8)])).toEqual([]);
  });

  it("that does not exist fails the attempt for good, and nothing is sent", async () => {
    const execution = await run(
      instance,
      { url: `${target.url}/missing`, headers: { "X-Key": "secret://nobody-has-this" } },
      { retry_policy: { max_attempts: 5 } },
    );
    expect(execution).toMatchObject({ status: "failed", error: { code: "secret_unavailable" } });
    expect(execution.attempts).toMatchObject([{ errorClass: "secret_unavailable", statusCode: null }]);
    expect(execution.error.message).toContain('"nobody-has-this"');
    expect(target.arrivalsAt("/missing")).toEqual([]);
  });

  it("is sent with its new value by the next attempt, also of an execution under way", async () => {
    await instance.api("POST", "/v1/secrets", { name: "rotated", value: "old-value" });
    let put: Promise<unknown> = Promise.resolve();
    target.on("/rotated", {
      kind: "handle",
      handle: (_request, response) => {
        if (target.arrivalsAt("/rotated").length > 1) return void response.writeHead(200).end();
        put = instance
          .api("PUT", "/v1/secrets/rotated", { value: "new-value" })
          .then(() => response.writeHead(503).end());
      },
    });
    const retries = { retry_policy: { max_attempts: 2, backoff: { type: "fixed", initial_ms: 1 } } };
    await run(instance, { url: `${target.url}/rotated`, headers: { "X-Key": "secret://rotated" } }, retries);
    await put;
    expect(target.arrivalsAt("/rotated").map(({ headers }) => headers["x-key"])).toEqual(["old-value", "new-value"]);
    expect((await instance.api("GET", "/v1/secrets")).json.data).toContainEqual(
      expect.objectContaining({ name: "rotated", key_version: "v2", environment: "workspace" }),
    );
  });

  it("does not follow a redirect to another origin, in a header or in the body", async () => {
    for (const status of [302, 307] as const) {
      target.on(`/away-${status}`, { kind: "redirect", to: `${other.url}/end-${status}`, status });
    }
    target.on("/stay", { kind: "redirect", to: `${target.url}/stayed`, status: 307 });
    const headers = { "X-Key": "secret://pin", "X-Plain": "plain" };

    await run(instance, { url: `${target.url}/away-302`, headers });
    expect(other.arrivalsAt("/end-302")[0]?.headers).toMatchObject({ "x-plain": "plain" });
    expect(other.arrivalsAt("/end-302")[0]?.headers).not.toHaveProperty("x-key");

    const withBody = { method: "POST", body: { pin: "secret://pin" }, headers };
    const refused = await run(instance, { url: `${target.url}/away-307`, ...withBody });
    expect(refused.attempts).toMatchObject([{ errorClass: "target_refused" }]);
    expect(other.arrivalsAt("/end-307")).toEqual([]);

    await run(instance, { url: `${target.url}/stay`, ...withBody });
    expect(target.arrivalsAt("/stayed")[0]).toMatchObject({ body: JSON.stringify({ pin: PIN }) });
    expect(target.arrivalsAt("/stayed")[0]?.headers["x-key"]).toBe(PIN);
  });

  it("that jobs use is deleted only by force", async () => {
    await instance.api("POST", "/v1/secrets", { name: "used", value: "a value in use" });
    const jobId = await createJob(instance, { url: `${target.url}/used?k=secret://used` });
    const kept = await instance.api("DELETE", "/v1/secrets/used");
    expect(kept).toMatchObject({ status: 409, json: { error: { details: { used_by: [jobId] } } } });
    expect((await instance.api("DELETE", "/v1/secrets/used?force=true")).status).toBe(204);
    const execution = await executionWhen(instance, await startRun(instance, jobId));
    expect(execution.error.code).toBe("secret_unavailable");
    expect(target.arrivalsAt("/used")).toEqual([]);
  });
});

describe("signatures", () => {
  const verify = (key: string, arrival: Arrival | undefined) =>
    new Webhook(key).verify(arrival?.body ?? "", arrival?.headers as Record<string, string>, { jsonParse: false });

  it("are verified by the published package, before, during and after a rotation", async () => {
    await run(instance, { url: `${target.url}/unsigned` });
    expect(target.arrivalsAt("/unsigned")[0]?.headers).not.toHaveProperty("webhook-signature");

    const first = await instance.api("POST", "/v1/signing-keys/rotate");
    expect(first.status).toBe(201);
    const request = { url: `${target.url}/signed`, method: "POST", body: { zażółć: "{{uuid}}", pin: "secret://pin" } };
    // Other isolates may use what they knew for 30 s.
    const signedBy = async (keys: number) => {
      await until(
        async () => {
          const execution = await run(instance, request);
          const arrival = target.arrivalsAt("/signed").at(-1);
          expect(arrival?.headers["webhook-id"] ?? execution.id).toBe(execution.id);
          return arrival?.headers["webhook-signature"]?.toString().split(" ").length === keys;
        },
        40_000,
        `${keys} signatures`,
      );
      return target.arrivalsAt("/signed").at(-1);
    };
    verify(first.json.key, await signedBy(1));

    const second = await instance.api("POST", "/v1/signing-keys/rotate", { overlap_seconds: 3_600 });
    expect(second.json.previous).toMatchObject([{ id: first.json.id, expires_at: expect.any(String) }]);
    const during = await signedBy(2);
    verify(first.json.key, during);
    verify(second.json.key, during);
    expect(() => verify(`whsec_${randomBytes(32).toString("base64")}`, during)).toThrow();

    const third = await instance.api("POST", "/v1/signing-keys/rotate", { overlap_seconds: 0 });
    const after = await signedBy(1);
    verify(third.json.key, after);
    expect(() => verify(second.json.key, after)).toThrow();
    const listed = await instance.api("GET", "/v1/signing-keys");
    expect(listed.json.data).toEqual([{ id: third.json.id, created_at: third.json.created_at, expires_at: null }]);

    const keys = [first, second, third].map(({ json }) => json.key.slice("whsec_".length));
    expect((await placesOf(keys)).filter((place) => !place.startsWith("api:"))).toEqual([]);
  });
});

describe("the master key", () => {
  const [oldKey, newKey] = [randomBytes(32).toString("base64"), randomBytes(32).toString("base64")];
  let stateDir: string;
  let token: string;
  let adminToken: string;
  let jobId: string;

  const withKeys = async <T>(vars: Record<string, string>, use: (on: TestInstance) => Promise<T>): Promise<T> => {
    const on = await startInstance({ stateDir, workspace: false, vars: { ADMIN_TOKEN: adminToken, ...vars } });
    try {
      return await use(on);
    } finally {
      await on.stop();
    }
  };
  const runOn = async (on: TestInstance) => await executionWhen(on, await startRun(on, jobId, token), undefined, token);
  const rotateOn = async (on: TestInstance) =>
    (await on.api("POST", "/v1/admin/rotate-keys", undefined, { token: adminToken })).json;

  beforeAll(async () => {
    stateDir = await mkdtemp(join(tmpdir(), "carillon-keys-"));
    const first = await startInstance({ stateDir, vars: { MASTER_KEY: oldKey } });
    ({ ownerToken: token, adminToken } = first);
    for (const name of ["one", "two"]) await first.api("POST", "/v1/secrets", { name, value: `value of ${name}` });
    jobId = await createJob(first, { url: `${target.url}/kept`, headers: { "X-Key": "secret://one secret://two" } });
    await first.stop();
  });

  afterAll(async () => {
    await rm(stateDir, { recursive: true, force: true });
  });

  it("that is missing is asked for, and nothing that needs it is sent", async () => {
    await withKeys({ MASTER_KEY: "" }, async (on) => {
      const refused = await on.api("POST", "/v1/secrets", { name: "x", value: "x" }, { token });
      expect(refused).toMatchObject({ status: 503, json: { error: { code: "master_key_missing" } } });
      expect(refused.json.error.message).toContain("wrangler secret put");
      expect(await runOn(on)).toMatchObject({ status: "failed", error: { code: "secret_unavailable" } });
      expect(target.arrivalsAt("/kept")).toEqual([]);
    });
  });

  it("that is another one opens nothing", async () => {
    await withKeys({ MASTER_KEY: newKey }, async (on) => {
      expect(await runOn(on)).toMatchObject({ status: "failed", error: { code: "secret_unavailable" } });
      expect(target.arrivalsAt("/kept")).toEqual([]);
      const report = await rotateOn(on);
      expect(report).toMatchObject({ done: 0, remaining: 2, previous_key_removable: false });
      expect(report.failed.map(({ reason }: { reason: string }) => reason)).toEqual(["unknown_key", "unknown_key"]);
    });
  });

  it("is rotated while everything goes on, until the previous one can be removed", async () => {
    await withKeys({ MASTER_KEY: newKey, MASTER_KEY_PREVIOUS: oldKey }, async (on) => {
      expect((await runOn(on)).status).toBe("succeeded");
      const signing = await on.api("POST", "/v1/signing-keys/rotate", undefined, { token });
      expect(signing.status).toBe(201);
      expect((await on.api("POST", "/v1/admin/rotate-keys", undefined, { token })).status).toBe(403);
      expect(await rotateOn(on)).toMatchObject({
        done: 2,
        remaining: 0,
        failed: [],
        previous_key_removable: true,
        message: expect.stringContaining("MASTER_KEY_PREVIOUS can be removed"),
      });
      expect(await rotateOn(on)).toMatchObject({ done: 0, remaining: 0 });
    });
    await withKeys({ MASTER_KEY: newKey }, async (on) => {
      expect((await runOn(on)).status).toBe("succeeded");
      expect(target.arrivalsAt("/kept").at(-1)?.headers["x-key"]).toBe("value of one value of two");
      expect(target.arrivalsAt("/kept").at(-1)?.headers).toHaveProperty("webhook-signature");
    });
  });

  it("that a signing key is not under fails attempts instead of leaving the signature out", async () => {
    const before = target.arrivals.length;
    await withKeys({ MASTER_KEY: oldKey }, async (on) => {
      const unsigned = await createJob(on, { url: `${target.url}/plain` }, {}, token);
      const execution = await executionWhen(on, await startRun(on, unsigned, token), undefined, token);
      expect(execution).toMatchObject({ status: "failed", error: { code: "signing_unavailable" } });
      expect(target.arrivals.length).toBe(before);
    });
  });
});
