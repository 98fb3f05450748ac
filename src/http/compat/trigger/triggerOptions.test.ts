import { describe, expect, it } from "vitest";
import { readBody } from "../../readInput.ts";
import { TriggerBody, readTrigger } from "./triggerOptions.ts";

const NOW = Date.UTC(2030, 0, 31);

function read(body: unknown, headers?: Record<string, string>) {
  const parsed = readBody(TriggerBody, body);
  if (!parsed.ok) return parsed;
  const given = { nowMs: NOW, ...(headers === undefined ? {} : { headers: new Headers(headers) }) };
  return readTrigger("mail", parsed.value, given);
}

function accepted(body: unknown, headers?: Record<string, string>) {
  const outcome = read(body, headers);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.error));
  return outcome.value;
}

const asked = (options: object) => accepted({ options }).request;

describe("a payload", () => {
  it.each<[string, unknown, unknown]>([
    [
      "as the client packs it",
      { payload: '{"json":{"a":1}}', options: { payloadType: "application/super+json" } },
      { a: 1 },
    ],
    [
      "with a date in it, which stays its text",
      {
        payload: '{"json":{"at":"2030-01-31T00:00:00.000Z"},"meta":{"values":{"at":["Date"]}}}',
        options: { payloadType: "application/super+json" },
      },
      { at: "2030-01-31T00:00:00.000Z" },
    ],
    ["as JSON", { payload: { a: 1 } }, { a: 1 }],
    ["that is a text", { payload: "hello", options: { payloadType: "text/plain" } }, "hello"],
    ["that is nothing", { payload: null }, null],
  ])("%s", (_, body, input) => {
    expect(accepted(body).request.input).toEqual(input);
  });

  it("that was not sent gives no input", () => {
    expect(accepted({})).toEqual({ request: { source: "api" }, labels: { tags: [], metadata: null } });
  });

  it.each([
    [{ payload: "not JSON", options: { payloadType: "application/super+json" } }],
    [{ payload: '{"a":1}', options: { payloadType: "application/super+json" } }],
    [{ payload: "packets/x", options: { payloadType: "application/store" } }],
  ])("that cannot be read is refused: %j", (body) => {
    expect(read(body)).toMatchObject({ ok: false, error: { issues: [{ path: "payload" }] } });
  });
});

describe("options", () => {
  it("become what the engine knows", () => {
    const options = {
      delay: "10m",
      ttl: "1h",
      tags: "one",
      metadata: { m: 1 },
      maxAttempts: 3,
      idempotencyKey: "digest",
      idempotencyKeyTTL: "24h",
      idempotencyKeyOptions: { key: "order-7", scope: "global" },
      concurrencyKey: 42,
    };
    expect(accepted({ options })).toEqual({
      request: {
        source: "api",
        delayUntilMs: NOW + 600_000,
        ttlMs: 3_600_000,
        maxAttempts: 3,
        concurrencyKey: "42",
        idempotency: { key: "digest", shown: "order-7", windowMs: 86_400_000 },
      },
      labels: { tags: ["one"], metadata: { m: 1 } },
    });
  });

  it("that have no counterpart are passed over", () => {
    const options = {
      machine: "small-1x",
      priority: 5,
      maxDuration: 60,
      region: "eu",
      lockToVersion: "1",
      test: true,
      new: 1,
    };
    expect(asked(options)).toEqual({ source: "api" });
  });

  it("take seconds for ttl, of which 0 is none, and a date for delay", () => {
    expect(asked({ ttl: 90 })).toMatchObject({ ttlMs: 90_000 });
    expect(asked({ ttl: 0 })).not.toHaveProperty("ttlMs");
    expect(asked({ delay: "2030-02-01T00:00:00.000Z" })).toMatchObject({ delayUntilMs: Date.UTC(2030, 1, 1) });
  });

  it("take the key from headers as well, for thirty days unless told otherwise", () => {
    expect(accepted({}, { "idempotency-key": "k" }).request.idempotency).toEqual({
      key: "k",
      shown: "k",
      windowMs: 30 * 86_400_000,
    });
    expect(accepted({}, { "idempotency-key": "k", "idempotency-key-ttl": "1h" }).request.idempotency?.windowMs).toBe(
      3_600_000,
    );
    const both = accepted({ options: { idempotencyKey: "body" } }, { "idempotency-key": "header" });
    expect(both.request.idempotency?.key).toBe("body");
  });

  it("make a line of its own of a queue that is not the task's", () => {
    for (const name of ["mail", "task/mail"]) expect(asked({ queue: { name } })).not.toHaveProperty("concurrencyKey");
    expect(asked({ queue: { name: "slow", concurrencyLimit: 1 } })).toMatchObject({ concurrencyKey: "queue:slow" });
    expect(asked({ queue: { name: "slow" }, concurrencyKey: "c" })).toMatchObject({ concurrencyKey: "queue:slow:c" });
  });

  it("take metadata as the text that it was packed into", () => {
    expect(accepted({ options: { metadata: '{"m":1}' } }).labels.metadata).toEqual({ m: 1 });
  });

  it.each<[string, object]>([
    ["options.delay", { delay: "soon" }],
    ["options.delay", { delay: "2099-01-01T00:00:00Z" }],
    ["options.ttl", { ttl: "forever" }],
    ["options.ttl", { ttl: -1 }],
    ["options.ttl", { ttl: 1.0001 }],
    ["options.idempotencyKeyTTL", { idempotencyKey: "k", idempotencyKeyTTL: "x" }],
    ["options.idempotencyKey", { idempotencyKey: "x".repeat(2_049) }],
    ["options.maxAttempts", { maxAttempts: 0 }],
    ["options.concurrencyKey", { concurrencyKey: "x".repeat(256) }],
    ["options.debounce", { debounce: { key: "k", delay: "1m" } }],
    ["options.gates", { gates: [{ queue: "q" }] }],
    ["options.concurrency", { concurrency: ["limit"] }],
    ["metadata", { metadata: [1] }],
  ])("with a wrong %s are refused: %j", (path, options) => {
    expect(read({ options })).toMatchObject({ ok: false, error: { code: "invalid_request", issues: [{ path }] } });
  });
});
