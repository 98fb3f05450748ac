/** The three jobs of examples/, run as they are but for their hosts, which are one target on this machine. */

import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../scripts/lib/paths.ts";
import { startInstance } from "../support/instance.ts";
import type { TestInstance } from "../support/instance.ts";
import { executionWhen } from "../support/runs.ts";
import { startTargetServer } from "../support/targetServer.ts";
import type { Arrival, TargetServer } from "../support/targetServer.ts";

let instance: TestInstance;
let target: TargetServer;
beforeAll(async () => {
  [target, instance] = await Promise.all([startTargetServer(), startInstance()]);
});
afterAll(async () => {
  await Promise.all([instance.stop(), target.stop()]);
});

/** `https://shop.example.com/x` becomes `/shop/x` at the target. */
async function createExample(name: string) {
  const text = await readFile(join(ROOT, "examples", `${name}.json`), "utf8");
  const definition: unknown = JSON.parse(text.replaceAll(/https:\/\/(\w+)\.example\.com/g, `${target.url}/$1`));
  const created = await instance.api("POST", "/v1/jobs", definition);
  expect(created).toMatchObject({ status: 201 });
  return created.json;
}

function answers(path: string, body: unknown, status = 200): void {
  target.on(path, {
    kind: "respond",
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

function bodies(arrivals: readonly Arrival[]): unknown[] {
  return arrivals.map(({ body }) => JSON.parse(body) as unknown);
}

describe("enrich-approve-write", () => {
  let job: { readonly id: string };
  beforeAll(async () => {
    answers("/shop/orders/o_1", { id: "o_1", customer: { id: "c_7" } });
    answers("/crm/customers/c_7", { email: "ada@example.com", tier: "gold", internal: true });
    answers("/shop/refunds", { id: "r_9" }, 201);
    job = await createExample("enrich-approve-write");
  });

  const runWith = (input: unknown) => instance.api("POST", `/v1/jobs/${job.id}/run-now`, { input });

  it("refuses an input that lacks something", async () => {
    const refused = await runWith({ order_id: "o_1" });
    expect(refused).toMatchObject({ status: 400, json: { error: { details: [{ path: "input.amount" }] } } });
  });

  it("writes a small refund without asking anybody", async () => {
    const started = await runWith({ order_id: "o_1", amount: 20 });
    const ended = await executionWhen(instance, started.json.id);
    expect(ended).toMatchObject({
      status: "succeeded",
      context: { customer_id: "c_7" },
      final_output: { refund_id: "r_9", approved_by: "nobody had to" },
    });
    const written = target.arrivalsAt("/shop/refunds").at(-1);
    expect(written?.headers["idempotency-key"]).toBe(started.json.id);
    expect(JSON.parse(written?.body ?? "")).toEqual({
      order: "o_1",
      amount: 20,
      to: "ada@example.com",
      reason: "not given",
    });
  });

  it("waits for a person before it writes a large one", async () => {
    const before = target.arrivalsAt("/shop/refunds").length;
    const started = await runWith({ order_id: "o_1", amount: 80, reason: "broken" });
    const url = `/v1/executions/${started.json.id}`;
    const waiting = await executionWhen(instance, started.json.id, ({ status }) => status === "waiting");
    expect(waiting.waiting).toMatchObject({ type: "approval", message: "Refund 80 of order o_1 to ada@example.com?" });
    const [asked] = bodies(target.arrivalsAt("/chat/messages")) as { text: string }[];
    expect(asked?.text).toContain(`Refund 80 to ada@example.com? ${instance.url}/v1/approvals/${started.json.id}/`);
    expect(target.arrivalsAt("/shop/refunds")).toHaveLength(before);

    const step = encodeURIComponent(waiting.waiting.step);
    const decided = await instance.api("POST", `${url}/steps/${step}/approve`, { comment: "fine" });
    expect(decided.status).toBe(200);
    const ended = await executionWhen(instance, started.json.id);
    expect(ended).toMatchObject({ status: "succeeded", final_output: { refund_id: "r_9" } });
    expect(ended.final_output.approved_by).not.toBe("nobody had to");
    expect(target.arrivalsAt("/shop/refunds")).toHaveLength(before + 1);
  });

  it("writes nothing that was rejected", async () => {
    const before = target.arrivalsAt("/shop/refunds").length;
    const started = await runWith({ order_id: "o_1", amount: 81 });
    const waiting = await executionWhen(instance, started.json.id, ({ status }) => status === "waiting");
    const step = encodeURIComponent(waiting.waiting.step);
    await instance.api("POST", `/v1/executions/${started.json.id}/steps/${step}/reject`, {});
    expect(await executionWhen(instance, started.json.id)).toMatchObject({ status: "failed" });
    expect(target.arrivalsAt("/shop/refunds")).toHaveLength(before);
  });
});

describe("github-push", () => {
  const SECRET = "replace-this-by-the-secret-of-your-webhook";
  const PUSH = {
    ref: "refs/heads/main",
    after: "c0ffee",
    pusher: { name: "ada" },
    commits: [
      { id: "c1", message: "One" },
      { id: "c2", message: "Two" },
    ],
  };
  let job: { readonly webhook_token: string };
  beforeAll(async () => {
    answers("/ci/builds", { url: "https://ci.example.com/1" });
    answers("/docs/publish", { url: "https://docs.example.com/1" });
    answers("/tracker/commits", {});
    job = await createExample("github-push");
  });

  const push = (event: unknown, delivery: string, secret = SECRET) => {
    const body = JSON.stringify(event);
    const signature = createHmac("sha256", secret).update(body).digest("hex");
    const headers = {
      "content-type": "application/json",
      "x-github-event": "push",
      "x-github-delivery": delivery,
      "x-hub-signature-256": `sha256=${signature}`,
    };
    return instance.api("POST", `/v1/triggers/${job.webhook_token}`, body, { token: null, headers });
  };

  it("builds, publishes and links each commit, and then tells the chat", async () => {
    const received = await push(PUSH, "d1");
    expect(received).toMatchObject({ status: 202, json: { received: true } });
    const ended = await executionWhen(instance, received.json.execution_id);
    expect(ended).toMatchObject({ status: "succeeded", source: "webhook" });
    expect(bodies(target.arrivalsAt("/ci/builds"))).toEqual([{ commit: "c0ffee" }]);
    expect(bodies(target.arrivalsAt("/tracker/commits")).toSorted()).toHaveLength(2);
    expect(bodies(target.arrivalsAt("/chat/messages")).at(-1)).toEqual({
      text: "ada pushed 2 commits. Build: https://ci.example.com/1, docs: https://docs.example.com/1",
    });
  });

  it("knows the same delivery again", async () => {
    const first = await push(PUSH, "d2");
    const second = await push(PUSH, "d2");
    expect(second.json.execution_id).toBe(first.json.execution_id);
    await executionWhen(instance, first.json.execution_id);
  });

  it("starts nothing for another branch, and refuses another secret", async () => {
    const other = await push({ ...PUSH, ref: "refs/heads/next" }, "d3");
    expect(other.json).toEqual({ received: true });
    expect((await push(PUSH, "d4", "wrong")).status).toBe(401);
  });
});

describe("nightly-report", () => {
  let job: { readonly id: string; readonly next_run_at: string };
  beforeAll(async () => {
    answers("/sales/shops", { shops: [{ id: "north" }, { id: "south" }] });
    answers("/sales/shops/north/sales", { total: 10 });
    job = await createExample("nightly-report");
  });

  const runNow = async () => {
    const started = await instance.api("POST", `/v1/jobs/${job.id}/run-now`);
    return await executionWhen(instance, started.json.id);
  };

  it("is due every night", () => {
    expect(job.next_run_at).toMatch(/T0[01]:00:00\.000Z$/);
  });

  it("publishes what every shop has sold", async () => {
    answers("/sales/shops/south/sales", { total: 5 });
    const ended = await runNow();
    expect(ended).toMatchObject({ status: "succeeded", final_output: { complete: true, shops: 2 } });
    expect(bodies(target.arrivalsAt("/reports/nightly"))).toEqual([
      { shops: [{ sales: { total: 10 } }, { sales: { total: 5 } }] },
    ]);
  });

  it("raises an alert when a shop does not answer", async () => {
    answers("/sales/shops/south/sales", {}, 503);
    const ended = await runNow();
    expect(ended).toMatchObject({ status: "succeeded", final_output: { complete: false, shops: 2 } });
    expect(target.arrivalsAt("/reports/nightly")).toHaveLength(1);
    expect(bodies(target.arrivalsAt("/chat/messages")).at(-1)).toMatchObject({
      text: "The nightly report lacks 1 of 2 shops.",
      errors: [{ index: 1, step: "sales", code: "http_status" }],
    });
  });
});
