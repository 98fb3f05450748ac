import { describe, expect, it } from "vitest";
import { keysOf } from "../../../../test/support/contract.ts";
import { ERRORS } from "../../errors.ts";
import type { HttpError, HttpErrorCode } from "../../errors.ts";
import { refuse, success } from "./envelope.ts";

const bodyOf = async (error: HttpError): Promise<{ error: Record<string, unknown> }> => await refuse(error).json();

describe("an error", () => {
  it.each<[string, HttpError, number, string]>([
    ["a field", { code: "invalid_request", message: "" }, 400, "VALIDATION_ERROR"],
    ["a body", { code: "malformed_json", message: "" }, 400, "BAD_REQUEST"],
    ["no token", { code: "unauthorized", message: "", isAnonymous: true }, 401, "AUTH_REQUIRED"],
    ["a token that opens nothing", { code: "unauthorized", message: "" }, 401, "INVALID_API_KEY"],
    ["a role", { code: "forbidden", message: "" }, 403, "FORBIDDEN"],
    ["something unknown", { code: "not_found", message: "" }, 404, "NOT_FOUND"],
    ["a method", { code: "method_not_allowed", message: "" }, 405, "METHOD_NOT_ALLOWED"],
    ["a state", { code: "already_finished", message: "" }, 409, "CONFLICT"],
    ["a limit", { code: "rate_limited", message: "" }, 429, "RATE_LIMITED"],
    ["a fault", { code: "internal", message: "" }, 500, "INTERNAL_ERROR"],
    ["an outage", { code: "actor_unavailable", message: "" }, 503, "SERVICE_UNAVAILABLE"],
  ])("about %s has its code and status", async (_, error, status, code) => {
    expect(refuse(error).status).toBe(status);
    expect((await bodyOf(error)).error["code"]).toBe(code);
  });

  it("is a fault of ours where it is one, and nowhere else", async () => {
    for (const code of Object.keys(ERRORS) as HttpErrorCode[]) {
      const { error } = await bodyOf({ code, message: "" });
      expect([code, error["code"] === "INTERNAL_ERROR"]).toEqual([code, ERRORS[code].status === 500]);
    }
  });

  it("says what is wrong with each field, and what to do next where that is clear", async () => {
    const details = [
      { path: "page", message: "page must be a whole number." },
      { path: "page_size", message: "page_size must be one too." },
    ];
    expect(await bodyOf({ code: "invalid_request", message: "2 fields are not accepted.", details })).toEqual({
      success: false,
      error: {
        code: "VALIDATION_ERROR",
        message: "2 fields are not accepted.",
        details: { errors: details.map(({ message }) => message) },
        suggestion: null,
      },
    });
    expect((await bodyOf({ code: "not_found", message: "" })).error).toMatchObject({
      details: null,
      suggestion: expect.stringContaining("GET /v1/workflows"),
    });
  });

  it("keeps its headers", () => {
    const headers = { "retry-after": "5" };
    expect(refuse({ code: "overloaded", message: "", headers }).headers.get("retry-after")).toBe("5");
  });
});

/** What the API shows and nothing else. */
describe("golden: the fields of the envelopes", () => {
  it("of an error", async () => {
    const body = await bodyOf({ code: "internal", message: "", details: { request_id: "req_1" } });
    expect([keysOf(body), keysOf(body.error)]).toEqual([
      ["error", "success"],
      ["code", "details", "message", "suggestion"],
    ]);
  });

  it("of an answer", () => {
    expect(keysOf(success({}).body as object)).toEqual(["data", "success"]);
    expect(keysOf(success({}, "Done").body as object)).toEqual(["data", "message", "success"]);
  });
});
