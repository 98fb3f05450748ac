import { describe, expect, it } from "vitest";
import { errorResponse, fromAppError, fromFault } from "./errors.ts";

describe("fromFault", () => {
  it("shows nothing of a fault that nobody expected", () => {
    const error = fromFault(new Error("SELECT * FROM tokens failed at D1.run (worker.js:1)"), "req_1");
    expect(error).toMatchObject({ code: "internal", details: { request_id: "req_1" } });
    expect(JSON.stringify(error)).not.toMatch(/SELECT|worker\.js/);
  });

  it.each([
    [Object.assign(new Error("x"), { name: "StorageUnavailable" }), "storage_unavailable"],
    [Object.assign(new Error("x"), { overloaded: true }), "overloaded"],
    [Object.assign(new Error("x"), { retryable: true }), "overloaded"],
  ])("asks to come back when the platform is out of reach: %#", async (fault, code) => {
    const response = errorResponse(fromFault(fault, "req_1"));
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("5");
    expect(await response.json()).toMatchObject({ error: { code } });
  });
});

describe("fromAppError", () => {
  it("makes a sentence of every complaint", () => {
    const issues = [
      { path: "request.url", message: "is required" },
      { path: "schedule.cron", message: "The minute field has 61; accepted are 0 to 59." },
      { path: "", message: "must be a JSON object" },
    ];
    expect(fromAppError({ code: "invalid_request", issues })).toEqual({
      code: "invalid_request",
      message: "3 fields are not accepted: request.url, schedule.cron, the body.",
      details: [
        { path: "request.url", message: "request.url is required." },
        { path: "schedule.cron", message: "The minute field has 61; accepted are 0 to 59." },
        { path: "", message: "The body must be a JSON object." },
      ],
    });
  });

  it("says a single complaint in its message", () => {
    const issues = [{ path: "name", message: "is required" }];
    expect(fromAppError({ code: "invalid_request", issues }).message).toBe("name is required.");
  });

  it("says when to come back", () => {
    const response = errorResponse(fromAppError({ code: "backlog_full", message: "Full.", retryAfterSeconds: 10 }));
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "10"]);
  });
});
