import { describe, expect, it } from "vitest";
import type { Condition } from "../workflow/conditions.ts";
import type { WebhookEvent } from "./event.ts";
import { eventKey, matchesFilter, triggerInputOf } from "./event.ts";
import type { Verification } from "./verification.ts";

const EVENT: WebhookEvent = {
  method: "POST",
  headers: { "user-agent": "GitHub-Hookshot/1", "x-github-delivery": "d-1" },
  query: [],
  contentType: "application/json",
  body: { ref: "refs/heads/main", commits: [{ id: "c1" }, { id: "c2" }], nothing: null },
  receivedAtMs: Date.UTC(2030, 0, 1),
};

describe("triggerInputOf", () => {
  it("is what templates see", () => {
    const event = { ...EVENT, query: [["a", "1"], ["b", "2"], ["a", "3"]] as const }; // prettier-ignore
    expect(triggerInputOf(event, null)).toEqual({
      method: "POST",
      headers: EVENT.headers,
      query: { a: ["1", "3"], b: "2" },
      content_type: "application/json",
      body: EVENT.body,
      received_at: "2030-01-01T00:00:00.000Z",
    });
  });

  it.each([
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "x-hub-signature",
    "x-hub-signature-256",
    "x-shopify-hmac-sha256",
    "stripe-signature",
    "webhook-signature",
    "x-gitlab-token",
    "x-webhook-secret",
    "x-amz-security-token",
    "cf-access-client-secret",
  ])("leaves out %s", (name) => {
    const input = triggerInputOf({ ...EVENT, headers: { ...EVENT.headers, [name]: "x" } }, null);
    expect(input).toMatchObject({ headers: EVENT.headers });
    expect(JSON.stringify(input)).not.toContain(name);
  });

  it("leaves out the header that the verification reads, whatever its name", () => {
    const verification = { header: "x-odd" } as Verification;
    const input = triggerInputOf({ ...EVENT, headers: { ...EVENT.headers, "x-odd": "s3cret" } }, verification);
    expect(JSON.stringify(input)).not.toContain("s3cret");
  });

  it("keeps no name that would change an object's kind", () => {
    const input = triggerInputOf({ ...EVENT, query: [["__proto__", "x"], ["constructor", "y"]] }, null); // prettier-ignore
    expect(input).toMatchObject({ query: { constructor: "y" } });
    expect(Object.getPrototypeOf((input as { query: object }).query)).toBe(Object.prototype);
  });
});

describe("eventKey", () => {
  const windowSeconds = 60;

  it("is the header's value, or the first value at the path", () => {
    expect(eventKey({ by: { header: "x-github-delivery" }, windowSeconds }, EVENT)).toBe("d-1");
    expect(eventKey({ by: { path: "$.commits[*].id" }, windowSeconds }, EVENT)).toBe("c1");
    expect(eventKey({ by: { path: "$.commits[0]" }, windowSeconds }, EVENT)).toEqual({ id: "c1" });
  });

  it.each([{ header: "x-missing" }, { header: "constructor" }, { path: "$.missing" }, { path: "$.nothing" }])(
    "is nothing for %j, so the event is new",
    (by) => {
      expect(eventKey({ by, windowSeconds }, EVENT)).toBeNull();
    },
  );

  it("is nothing when finding it takes too much work", () => {
    expect(
      eventKey({ by: { path: "$[?$..[?$..[?$..*]]]" }, windowSeconds }, { ...EVENT, body: nested(60) }),
    ).toBeNull();
  });
});

function nested(levels: number): WebhookEvent["body"] {
  return levels === 0 ? 1 : { a: nested(levels - 1), b: [1, 2, 3] };
}

describe("matchesFilter", () => {
  const input = triggerInputOf(EVENT, null);

  it.each<[boolean, Condition]>([
    [true, { left: "{{trigger.body.ref}}", operator: "eq", right: "refs/heads/main" }],
    [false, { left: "{{trigger.body.ref}}", operator: "startsWith", right: "refs/tags/" }],
    [true, { left: "{{trigger.body.commits | length}}", operator: "gt", right: 1 }],
    [true, { not: { left: '{{trigger.headers["x-github-event"]}}', operator: "exists", right: null } }],
    [false, { all: [{ left: "{{trigger.method}}", operator: "eq", right: "POST" }, { left: "{{trigger.query.a}}", operator: "exists", right: null }] }], // prettier-ignore
  ])("%s for %j", (expected, filter) => {
    expect(matchesFilter(filter, input)).toEqual({ ok: true, value: expected });
  });

  it("is an error where a pattern made of the event is none", () => {
    const filter: Condition = { left: "x", operator: "matches", right: "({{trigger.method}}" };
    expect(matchesFilter(filter, input)).toMatchObject({ ok: false, error: { code: "invalid_condition" } });
  });
});
