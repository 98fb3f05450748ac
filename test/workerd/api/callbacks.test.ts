import { beforeAll, describe, expect, it } from "vitest";
import type { Parked, TestWorkspace } from "./harness.ts";
import { call, createWorkspace, eventually, park, pathOf } from "./harness.ts";

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});

/** Waits for a call, and then at a wait, so that the execution is live after it. */
function waiting(): Promise<Parked> {
  const rest = { id: "rest", type: "wait", duration_seconds: 3_600 };
  return park(workspace, { url: "{{waits.hook.url}}" }, { id: "hook", type: "wait_for_webhook" }, rest);
}

async function outputOfHook(executionId: string): Promise<unknown> {
  const { body } = await eventually(
    () => workspace.call("GET", `/v1/executions/${executionId}`),
    ({ body }) => body.step_executions.some((step: { id: string }) => step.id === "rest"),
  );
  return body.step_executions.find((step: { id: string }) => step.id === "hook").output;
}

describe("a callback", () => {
  it("is where the execution says, resumes it once, and says when it was not needed", async () => {
    const { executionId, links } = await waiting();
    const { body } = await workspace.call("GET", `/v1/executions/${executionId}`);
    expect(body.waiting).toMatchObject({ step: "hook", type: "wait_for_webhook", callback_url: links.url });
    const first = await call("POST", pathOf(links.url), { body: { paid: true } });
    expect(first).toMatchObject({ status: 200, body: { received: true } });
    expect(first.body).not.toHaveProperty("already_received");
    expect(await outputOfHook(executionId)).toEqual({ paid: true });
    const second = await call("POST", pathOf(links.url), { body: { paid: false } });
    expect(second).toMatchObject({ status: 200, body: { received: true, already_received: true } });
    expect(await outputOfHook(executionId)).toEqual({ paid: true });
  });

  it.each([
    ["a form", "application/x-www-form-urlencoded", "a=1&b=2", { a: "1", b: "2" }],
    ["text", "text/plain", "done", "done"],
    ["nothing", "application/json", "", null],
  ])("takes %s", async (_, type, body, output) => {
    const { executionId, links } = await waiting();
    const reply = await call("POST", pathOf(links.url), { headers: { "content-type": type }, body });
    expect(reply).toMatchObject({ status: 200, body: { received: true } });
    expect(await outputOfHook(executionId)).toEqual(output);
  });

  it("is refused by its size, its method, and anything wrong in its address", async () => {
    const { executionId, links } = await waiting();
    const path = pathOf(links.url);
    const token = path.split("/").at(-1) ?? "";
    expect((await call("POST", path, { body: "x".repeat(256 * 1_024 + 1) })).status).toBe(413);
    const get = await call("GET", path);
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
    for (const wrong of [
      path.replace(token, "0".repeat(32)),
      path.replace("/hook/", "/rest/"),
      path.replace("callbacks/exe_", "callbacks/job_"),
    ]) {
      expect(await call("POST", wrong)).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
    }
    expect((await workspace.call("GET", `/v1/executions/${executionId}`)).body.status).toBe("waiting");
    const cancelled = await workspace.call("POST", `/v1/executions/${executionId}/cancel`);
    expect(cancelled.body.status).toBe("cancelled");
    expect((await call("POST", path)).status).toBe(404);
  });

  it("is not shown to those who may only read", async () => {
    const { executionId } = await waiting();
    const shown = await workspace.call("GET", `/v1/executions/${executionId}`, { token: workspace.member });
    expect(shown.body.waiting.callback_url).toMatch(/\/hook\/\[secret\]$/);
  });
});
