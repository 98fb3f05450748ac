import { describe, expect, it } from "vitest";
import type { Services } from "../app/services.ts";
import { createApp } from "./app.ts";

/** Services of which only authentication is reached, and fails. */
function brokenServices(fault: unknown, reported: unknown[]): Services {
  const parts: Partial<Services> = {
    clock: { now: () => 0 },
    random: () => 0.5,
    digest: async (text) => text,
    adminToken: null,
    report: (error, context) => reported.push({ error, ...context }),
    tokens: { ...({} as Services["tokens"]), findByHash: () => Promise.reject(fault) },
  };
  return parts as Services;
}

const CONTEXT = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };

async function answerTo(fault: unknown, reported: unknown[] = []): Promise<Response> {
  const app = createApp(() => brokenServices(fault, reported));
  const headers = { authorization: "Bearer x", "x-request-id": "trace-1" };
  return await app.request(
    "https://carillon.test/v1/jobs/job_x",
    { headers },
    {},
    CONTEXT as unknown as ExecutionContext,
  );
}

describe("the error funnel", () => {
  it("hides a fault, reports it, and names the request", async () => {
    const reported: unknown[] = [];
    const fault = new Error("no such table: tokens: SQLITE_ERROR");
    const response = await answerTo(fault, reported);
    expect(response.status).toBe(500);
    expect(response.headers.get("x-request-id")).toBe("trace-1");
    expect(await response.json()).toEqual({
      error: { code: "internal", message: expect.not.stringContaining("SQLITE"), details: { request_id: "trace-1" } },
    });
    expect(reported).toEqual([{ error: fault, request_id: "trace-1", method: "GET", route: "/v1/jobs/:job_id" }]);
  });

  it("says when to come back while the database is away", async () => {
    const response = await answerTo(Object.assign(new Error("D1"), { name: "StorageUnavailable" }));
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await response.json()).toMatchObject({ error: { code: "storage_unavailable" } });
  });
});
