import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonValue } from "../json.ts";
import {
  keepReferences,
  renderRequest,
  secretsFrom,
  urlForGuard,
  validateRequestTemplates,
} from "./requestTemplate.ts";
import { jobScope } from "./variables.ts";
import type { FrozenValues } from "./variables.ts";

const FROZEN: FrozenValues = {
  timestampMs: Date.parse("2026-03-15T10:00:00.123Z"),
  uuid: "3b241101-e2bb-4255-8caf-4136c566a962",
  executionId: "exec_1",
  jobId: "job_1",
  jobName: 'Nightly "sync" & co/é',
  scheduledForMs: Date.parse("2026-03-15T10:00:00.000Z"),
};

function request(part: { url?: string; headers?: Record<string, string>; body?: JsonValue }) {
  return { url: "https://example.com/", headers: {}, body: null, ...part };
}

function render(part: Parameters<typeof request>[0], secrets: Record<string, string> = {}, attempt = 1) {
  const values = new Map(Object.entries(secrets));
  return renderRequest(request(part), jobScope(FROZEN, attempt), secretsFrom(values));
}

function rendered(part: Parameters<typeof request>[0], secrets: Record<string, string> = {}, attempt = 1) {
  const result = render(part, secrets, attempt);
  if (!result.ok) throw new Error(`missing ${result.error.missing}`);
  return result.value;
}

describe("validateRequestTemplates", () => {
  it("accepts templates in path, query and fragment, header values, string bodies and strings of JSON bodies", () => {
    const good = request({
      url: "https://example.com:8443/{{job_id}}?at={{timestamp}}#{{ attempt }}",
      headers: { "X-Run": "run {{execution_id}}" },
      body: { a: ["{{uuid}}", { b: "{{job_name}}" }], n: 1 },
    });
    expect(validateRequestTemplates(good, "request")).toEqual([]);
    expect(validateRequestTemplates(request({ body: "at {{scheduled_for}}" }), "request")).toEqual([]);
  });

  it.each([
    "https://{{job_name}}/x",
    "https://example.com{{job_name}}/x",
    "https://example.com:{{attempt}}/",
    "https://{{job_name}}@example.com/",
    "{{job_name}}://example.com/",
    "https:///{{job_name}}/",
    "https:/{{job_name}}/",
    "https:{{job_name}}/",
    "https:\\\\{{job_name}}/",
    " https://example.com/{{job_name}}",
    "https://\t/{{job_name}}/",
    "https://example.com\\{{job_name}}/",
    "https://example.com/\\x/{{job_name}}/",
    "/{{job_name}}",
  ])("refuses a template that could reach the host: %j", (url) => {
    expect(validateRequestTemplates(request({ url }), "request").map((issue) => issue.path)).toEqual(["request.url"]);
  });

  it("refuses header names, object keys, references and unknown variables, each with its path", () => {
    const bad = request({
      headers: { "X-{{uuid}}": "1", "X-Key": "secret://{{job_name}}", Other: "secret://key{{attempt}}" },
      body: { list: [{ "{{uuid}}": 1, x: "{{nope}}" }], deep: "{{uuid.x}}" },
    });
    expect(validateRequestTemplates(bad, "request").map(({ path, message }) => [path, message.slice(0, 28)])).toEqual([
      ['request.headers["X-{{uuid}}"]', "has a template in the header"],
      ['request.headers["X-Key"]', "has a template inside a secr"],
      ["request.headers.Other", "has a template inside a secr"],
      ['request.body.list[0]["{{uuid}}"]', "has a template in a key; onl"],
      ["request.body.list[0].x", "has the unknown variable {{n"],
      ["request.body.deep", "has {{uuid.x}}, but uuid is "],
    ]);
  });
});

describe("renderRequest", () => {
  it("percent-encodes values in the URL, once", () => {
    expect(rendered({ url: "https://example.com/{{job_name}}?n={{ job_name | url }}" }).url).toBe(
      "https://example.com/Nightly%20%22sync%22%20%26%20co%2F%C3%A9?n=Nightly%20%22sync%22%20%26%20co%2F%C3%A9",
    );
  });

  it("places values in JSON as strings, or with their own type when they stand alone", () => {
    const body = { name: "{{job_name}}", note: "try {{attempt}}", attempt: "{{attempt}}", keep: [1, null, true] };
    expect(rendered({ body }).body).toEqual({
      name: FROZEN.jobName,
      note: "try 1",
      attempt: 1,
      keep: [1, null, true],
    });
  });

  it("changes nothing between attempts but {{attempt}}", () => {
    const part = { url: "https://example.com/{{uuid}}", headers: { "X-T": "{{timestamp}}" }, body: ["{{attempt}}"] };
    expect(rendered(part, {}, 2)).toEqual({ ...rendered(part, {}, 1), body: [2] });
  });

  it("resolves secrets in what the author wrote", () => {
    const part = {
      url: "https://example.com/?key=secret://api&n={{attempt}}",
      headers: { Authorization: "Bearer secret://api" },
      body: { key: "<secret://api>" },
    };
    expect(rendered(part, { api: "a&b c" })).toEqual({
      url: "https://example.com/?key=a%26b%20c&n=1",
      headers: { Authorization: "Bearer a&b c" },
      body: { key: "<a&b c>" },
    });
  });

  it("does not resolve a reference that a value spells out, nor a template that a secret holds", () => {
    const scope = jobScope({ ...FROZEN, jobName: "secret://api" }, 1);
    const part = request({ headers: { A: "{{job_name}}", B: "secret://api" }, body: "{{job_name}}" });
    const result = renderRequest(part, scope, secretsFrom(new Map([["api", "{{uuid}}"]])));
    expect(result).toEqual({
      ok: true,
      value: { ...part, headers: { A: "secret://api", B: "{{uuid}}" }, body: "secret://api" },
    });
  });

  it("names a missing secret and renders nothing", () => {
    expect(render({ headers: { A: "secret://gone" } })).toEqual({ ok: false, error: { missing: "gone" } });
  });

  it("keeps references for what is shown", () => {
    const part = request({ headers: { A: "Bearer secret://api {{attempt}}" } });
    const result = renderRequest(part, jobScope(FROZEN, 3), keepReferences);
    expect(result.ok && result.value.headers).toEqual({ A: "Bearer secret://api 3" });
  });

  it("never lets a value change where the request goes, whatever the value", () => {
    const urls = [
      "https://example.com/{{job_name}}",
      "https://example.com/?q={{job_name}}",
      "https://example.com:444/a#{{job_name}}",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...urls), fc.string({ unit: "binary" }), (url, jobName) => {
        const result = renderRequest(request({ url }), jobScope({ ...FROZEN, jobName }, 1), keepReferences);
        const sent = new URL(result.ok ? result.value.url : "");
        const guarded = new URL(urlForGuard(url));
        expect([sent.origin, sent.username, sent.password]).toEqual([guarded.origin, "", ""]);
      }),
    );
  });

  it("never lets a value or a secret add a header or make one that fetch refuses", () => {
    const hostile = fc.oneof(fc.string({ unit: "binary" }), fc.constant("x\r\nEvil: 1"));
    fc.assert(
      fc.property(hostile, hostile, (jobName, secret) => {
        const part = request({ headers: { A: "{{job_name}}|secret://s" } });
        const result = renderRequest(part, jobScope({ ...FROZEN, jobName }, 1), secretsFrom(new Map([["s", secret]])));
        const headers = result.ok ? result.value.headers : {};
        expect(Object.keys(headers)).toEqual(["A"]);
        expect(headers["A"]).toMatch(/^[ -~]*$/);
        expect(() => new Headers(headers)).not.toThrow();
      }),
    );
  });
});

describe("urlForGuard", () => {
  it("puts a harmless token for templates and secrets", () => {
    expect(urlForGuard("https://example.com/{{uuid}}/a?k=secret://api-key.&t={{timestamp | url}}")).toBe(
      "https://example.com/x/a?k=x&t=x",
    );
  });
});
