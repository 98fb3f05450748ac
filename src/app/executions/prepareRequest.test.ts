import { describe, expect, it } from "vitest";
import { makeJob, START } from "../../domain/engine/engine.fixture.ts";
import { httpTarget } from "../../domain/engine/httpRun.ts";
import { PLAIN_STEP } from "../../domain/engine/state.ts";
import { NO_START_OPTIONS } from "../../domain/execution/execution.ts";
import type { RequestSpec } from "../../domain/job/request.ts";
import type { JsonValue } from "../../domain/json.ts";
import { ok } from "../../domain/result.ts";
import { prepareRequest } from "./prepareRequest.ts";

const deps = {
  clock: { now: () => START },
  secrets: { read: async () => ok(new Map([["key", "s3cret"]])) },
  signer: { sign: async () => ok([]) },
};

/** What a plain job of this request sends; without an `input`, nothing was given. */
async function sent(changes: Partial<RequestSpec>, input?: JsonValue) {
  const job = makeJob({ request: { ...makeJob().request, ...changes } });
  const work = {
    executionId: `exe_${"0".repeat(32)}`,
    job,
    target: httpTarget(job, PLAIN_STEP),
    data: null,
    attempt: 1,
    frozen: { timestampMs: START, uuid: "uuid" },
    execution: { scheduledForMs: START, start: input === undefined ? null : { ...NO_START_OPTIONS, input } },
  };
  const prepared = await prepareRequest(work, deps);
  if (!prepared.ok) return prepared.error;
  const { url, body, headers, timeoutMs } = prepared.value.request;
  return { url, body, timeoutMs, type: new Headers(headers.map(([name, value]) => [name, value])).get("content-type") };
}

describe("the deadline of a request", () => {
  it.each([
    [1, 1_000],
    [29, 29_000],
    // The default, which is also as long as its invocation lives on.
    [30, 29_000],
    [31, 31_000],
    [300, 300_000],
  ])("with a timeout of %i s is %i ms", async (timeoutSeconds, timeoutMs) => {
    expect(await sent({ timeoutSeconds })).toMatchObject({ timeoutMs });
  });
});

describe("the input of a plain job", () => {
  const body = { who: "{{input.who}}", all: "{{input}}", text: "for {{input.who.name}}" };

  it("is what its templates name, with its JSON type where a template stands alone", async () => {
    const request = { url: "https://example.com/{{input.who.name}}", method: "POST", body } as const;
    const who = { name: "Ann & Bob" };
    expect(await sent(request, { who })).toMatchObject({
      url: "https://example.com/Ann%20%26%20Bob",
      body: JSON.stringify({ who, all: { who }, text: "for Ann & Bob" }),
    });
  });

  it("is an empty object where none was given, and null where it lacks what is named", async () => {
    expect(await sent({ method: "POST", body })).toMatchObject({
      body: JSON.stringify({ who: null, all: {}, text: "for " }),
    });
  });

  it.each(["POST", "PUT", "PATCH"] as const)("is the body of a %s that has none, as JSON", async (method) => {
    for (const input of [{ a: [1] }, {}, "text", 0, false]) {
      expect(await sent({ method }, input)).toMatchObject({ body: JSON.stringify(input), type: "application/json" });
    }
    const headers = { "Content-Type": "application/vnd.acme+json" };
    expect(await sent({ method, headers }, { a: 1 })).toMatchObject({ body: '{"a":1}', type: headers["Content-Type"] });
  });

  it("is not the body of a request that has one, of another method, or where none was given", async () => {
    expect(await sent({ method: "POST", body: "own" }, { a: 1 })).toMatchObject({ body: "own" });
    expect(await sent({ method: "DELETE" }, { a: 1 })).toMatchObject({ body: null });
    expect(await sent({ method: "GET" }, { a: 1 })).toMatchObject({ body: null });
    expect(await sent({ method: "POST" })).toMatchObject({ body: null });
  });

  it("gets no secret by writing its reference, nor a value by writing a template", async () => {
    const input = { a: "secret://key {{job_name}}" };
    const text = "{{input.a}} and secret://key";
    expect(await sent({ method: "POST", body: text }, input)).toMatchObject({
      body: "secret://key {{job_name}} and s3cret",
    });
    expect(await sent({ method: "POST" }, input)).toMatchObject({ body: JSON.stringify(input) });
  });

  it("that templates name so often that the request would be too large is not sent", async () => {
    const many = Array.from({ length: 30 }, () => "{{input}}");
    expect(await sent({ method: "POST", body: many }, "x".repeat(100_000))).toMatchObject({
      errorClass: "invalid_request",
      message: expect.stringContaining("1 MB"),
    });
  });
});
