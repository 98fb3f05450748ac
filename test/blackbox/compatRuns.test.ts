/** A workflow as a client of the Runs API writes it, from its definition to what its targets receive. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startInstance, until } from "../support/instance.ts";
import type { TestInstance } from "../support/instance.ts";
import { startTargetServer } from "../support/targetServer.ts";
import type { TargetServer } from "../support/targetServer.ts";

let instance: TestInstance;
let target: TargetServer;
beforeAll(async () => {
  [target, instance] = await Promise.all([startTargetServer(), startInstance()]);
});
afterAll(async () => {
  await Promise.all([instance.stop(), target.stop()]);
});

type Json = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any

async function must(method: string, path: string, body?: unknown): Promise<Json> {
  const answer = await instance.api(method, `/api/v1${path}`, body);
  const json = answer.json as Json;
  if (json["success"] !== true) throw new Error(`${method} ${path} answered ${JSON.stringify(json)}`);
  return json["data"];
}

async function workflow(steps: readonly unknown[]): Promise<string> {
  const { id } = await must("POST", "/workflows", { name: "orders", trigger: { type: "api" }, steps });
  await must("POST", `/workflows/${id}/activate`);
  return id;
}

const runSync = (id: string, input: unknown) => must("POST", `/workflows/${id}/run`, { mode: "sync", input });
const respond = (body: unknown, status = 200) =>
  ({ kind: "respond", status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) }) as const;

describe("a run", () => {
  it("sends what its templates and secrets come to, and shows what came back", async () => {
    await instance.api("POST", "/v1/secrets", { name: "crm-key", value: "s3cret" });
    target.on("/order", respond({ id: "o_1", total: 120, lines: [{ sku: "a" }, { sku: "b" }] }));
    target.on("/reserve", respond({ ok: true }));
    const id = await workflow([
      {
        id: "order",
        type: "api",
        config: {
          url: `${target.url}/order`,
          params: { id: "{{input.orders.0.id}}", of: "a&b" },
          headers: { authorization: "Bearer {{secrets.CRM-KEY}}", "x-run": "{{run.id}}" },
        },
      },
      {
        id: "large",
        type: "condition",
        config: {
          conditions: { left: "{{steps.order.output.data.total}}", operator: "gt", right: 100 },
          then: ["lines"],
          else: ["none"],
        },
      },
      { id: "none", type: "transform", config: { sourceData: "none" } },
      {
        id: "lines",
        type: "loop",
        config: { loopType: "forEach", collection: "{{steps.order.output.data.lines}}", steps: ["reserve"] },
      },
      {
        id: "reserve",
        type: "api",
        config: {
          url: `${target.url}/reserve`,
          method: "POST",
          body: { sku: "{{steps.lines.output.currentItem.sku}}", place: "{{steps.lines.output.currentIndex}}" },
        },
      },
      {
        id: "told",
        type: "transform",
        config: { sourceData: { status: "{{steps.order.output.status}}", lines: "{{steps.lines.output.count}}" } },
      },
    ]);

    const run = await runSync(id, { orders: [{ id: "o 1" }] });
    expect(run).toMatchObject({ status: "completed", output: { result: { status: 200, lines: 2 } } });
    const [asked] = target.arrivalsAt("/order");
    expect(asked?.path).toBe("/order?id=o%201&of=a%26b");
    expect(asked?.headers).toMatchObject({
      authorization: "Bearer s3cret",
      "x-run": run["runId"].replace("run_", "exe_"),
    });
    expect(target.arrivalsAt("/reserve").map(({ body }) => JSON.parse(body))).toEqual([
      { sku: "a", place: 0 },
      { sku: "b", place: 1 },
    ]);
    expect(run["stepResults"]).toMatchObject([
      {
        stepId: "order",
        status: "success",
        input: { method: "GET", headers: { authorization: "Bearer secret://crm-key" } },
        output: { data: { id: "o_1", total: 120 }, status: 200 },
      },
      { stepId: "large", output: { result: true } },
      { stepId: "none", status: "skipped", output: null },
      { stepId: "lines", output: { count: 2 } },
      { stepId: "large.then.lines[0].reserve", output: { data: { ok: true } } },
      { stepId: "large.then.lines[1].reserve", output: { data: { ok: true } } },
      { stepId: "told" },
    ]);
    expect(JSON.stringify(run)).not.toContain("s3cret");
  });

  it("that failed goes on from where it failed, once the target has recovered", async () => {
    target.on("/first", respond({ n: 1 }));
    target.on("/sync", [respond({}, 404), respond({ id: 7 })]);
    const id = await workflow([
      { id: "first", type: "api", config: { url: `${target.url}/first` } },
      {
        id: "sync-to-crm",
        type: "api",
        config: { url: `${target.url}/sync`, method: "PUT", body: { n: "{{steps.first.output.data.n}}" } },
      },
    ]);
    const failed = await runSync(id, {});
    expect(failed).toMatchObject({ status: "failed", output: null, error: { code: "STEP_ERROR" } });
    const retried = await must("POST", `/runs/${failed["runId"]}/retry`);
    expect(retried).toMatchObject({ restartFromStepId: "sync-to-crm", status: "pending" });
    const again = await runEnded(retried["newRunId"]);
    expect(again).toMatchObject({ status: "completed", output: { data: { id: 7 }, status: 200 } });
    expect(target.arrivalsAt("/first")).toHaveLength(1);
    expect(target.arrivalsAt("/sync").map(({ body }) => body)).toEqual(['{"n":1}', '{"n":1}']);
  });
});

async function runEnded(id: string): Promise<Json> {
  let run: Json = {};
  const hasEnded = async () => {
    run = await must("GET", `/runs/${id}`);
    return run["completedAt"] !== null;
  };
  await until(hasEnded, 30_000, `${id} to end`);
  return run;
}
