import { describe, expect, it } from "vitest";
import type { HttpErrorCode } from "../../errors.ts";
import { ERRORS, fromAppError } from "../../errors.ts";
import { refuse } from "./envelope.ts";

async function refused(code: HttpErrorCode) {
  const response = refuse({ code, message: "No.", headers: { "retry-after": "5" } });
  return { status: response.status, retry: response.headers.get("retry-after"), body: await response.json() };
}

describe("an error in the envelope", () => {
  it.each([
    ["malformed_json", 400, "VALIDATION_ERROR"],
    ["unauthorized", 401, "UNAUTHORIZED"],
    ["forbidden", 403, "FORBIDDEN"],
    ["not_found", 404, "NOT_FOUND"],
    ["method_not_allowed", 405, "METHOD_NOT_ALLOWED"],
    ["invalid_state", 400, "INVALID_STATE"],
    ["job_completed", 400, "INVALID_STATE"],
    ["not_restartable", 400, "INVALID_STATE"],
    ["payload_too_large", 413, "PAYLOAD_TOO_LARGE"],
    ["rate_limited", 429, "RATE_LIMITED"],
    ["backlog_full", 429, "RATE_LIMITED"],
    ["internal", 500, "INTERNAL_ERROR"],
    ["actor_unavailable", 503, "SERVICE_UNAVAILABLE"],
    ["storage_unavailable", 503, "SERVICE_UNAVAILABLE"],
    ["overloaded", 503, "SERVICE_UNAVAILABLE"],
  ] as const)("of %s is %i %s", async (code, status, expected) => {
    expect(await refused(code)).toEqual({
      status,
      retry: "5",
      body: { success: false, error: { code: expected, message: "No." } },
    });
  });

  it("names every field that is not accepted", async () => {
    const issues = [
      { path: "steps[0].id", message: "is required: text of 1 to 64 characters" },
      { path: "name", message: "must be text of 1 to 255 characters" },
    ];
    const response = refuse(fromAppError({ code: "invalid_request", issues }));
    expect(await response.json()).toEqual({
      success: false,
      error: {
        code: "VALIDATION_ERROR",
        message: "2 fields are not accepted: steps[0].id, name.",
        details: [
          { field: "steps[0].id", message: "steps[0].id is required: text of 1 to 64 characters." },
          { field: "name", message: "name must be text of 1 to 255 characters." },
        ],
      },
    });
  });

  it("has a place for every error of the core", async () => {
    const codes = Object.keys(ERRORS) as HttpErrorCode[];
    for (const code of codes) expect((await refused(code)).status).toBeGreaterThanOrEqual(400);
  });
});
