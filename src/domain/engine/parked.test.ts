import { describe, expect, it } from "vitest";
import {
  approval,
  http,
  parallel,
  runJob,
  transform,
  wait,
  waitForWebhook,
  workflowJob,
} from "../workflow/workflow.fixture.ts";
import { callbackUrl } from "../workflow/links.ts";
import { MINUTE, START } from "./engine.fixture.ts";
import { occupiesSlot } from "./state.ts";
import { errandOrders, nextWakeMs } from "./timers.ts";
import { WorkflowDriver } from "./workflow.fixture.ts";

const OTHER_JOB = "job_01kdefghjkzzzzzzzzzzzzzzzz";

function tokenOf(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1).split("?")[0] ?? "";
}

describe("wait", () => {
  it("parks without a slot and goes on at its time", () => {
    const driver = new WorkflowDriver(workflowJob([wait("w"), http("a")])).start();
    expect(driver.execution).toMatchObject({
      status: "waiting",
      workflow: { waiting: { step: "w", untilMs: START + MINUTE } },
    });
    const [live] = driver.state.live.values();
    expect(live && occupiesSlot(live)).toBe(false);
    driver.pass(MINUTE);
    expect(driver.requested()).toEqual(["a"]);
    expect(driver.execution).toMatchObject({ status: "running", workflow: { waiting: null } });
  });

  it("takes a time from a template, does not wait for a past one, and refuses what is none", () => {
    const run = (at: string) =>
      new WorkflowDriver(workflowJob([wait("w", { until: "{{input.at}}" })])).start({ input: { at } }).execution;
    expect(run(new Date(START + MINUTE).toISOString()).status).toBe("waiting");
    expect(run(new Date(START - MINUTE).toISOString()).status).toBe("succeeded");
    expect(run("soon").error?.code).toBe("invalid_wait");
    expect(run("2099-01-01T00:00:00Z").error?.code).toBe("invalid_wait");
  });

  it("sets no alarm but its own once the history has it", () => {
    const driver = new WorkflowDriver(workflowJob([wait("w", { durationSeconds: 86_400 })])).start();
    const { id, rev } = driver.execution;
    driver.send<"confirm">({ type: "confirm", confirmed: [{ id, rev }] }, driver.nowMs);
    expect(nextWakeMs(driver.state)).toBe(START + 86_400_000);
  });
});

describe("wait_for_webhook", () => {
  const job = workflowJob([http("a", {}, "https://example.com/?cb={{waits.w.url}}"), waitForWebhook("w"), http("b")]);

  function urlOf(driver: WorkflowDriver): string {
    const live = driver.state.live.get(driver.id);
    return callbackUrl({ publicUrl: job.publicUrl, executionId: driver.id, key: live?.key ?? "" }, "w");
  }

  function call(driver: WorkflowDriver, payload: unknown, token = tokenOf(urlOf(driver))): string {
    const request = { executionId: driver.id, step: "w", token, payload: payload as never };
    return driver.send<"signal">({ type: "signal", request }, driver.nowMs);
  }

  it("resumes once with the posted body", () => {
    const driver = new WorkflowDriver(job).start().answer("a");
    expect(driver.execution.workflow?.waiting).toMatchObject({ type: "wait_for_webhook", callbackUrl: urlOf(driver) });
    expect(call(driver, { ok: 1 }, "wrong")).toBe("unknown");
    expect(call(driver, { ok: 1 })).toBe("accepted");
    expect(driver.output("w")).toEqual({ ok: 1 });
    expect(call(driver, { ok: 2 })).toBe("already_received");
    expect(driver.requested()).toEqual(["b"]);
  });

  it("keeps a call that comes before its step", () => {
    const driver = new WorkflowDriver(job).start();
    expect(driver.step("a")?.input).toMatchObject({
      url: `https://example.com/?cb=${encodeURIComponent(urlOf(driver))}`,
    });
    expect(call(driver, "early")).toBe("accepted");
    expect(call(driver, "twice")).toBe("already_received");
    driver.answer("a");
    expect(driver.output("w")).toBe("early");
  });

  it("fails or goes on when its time is over", () => {
    expect(new WorkflowDriver(job).start().answer("a").pass(3_600_000).execution.error?.code).toBe("webhook_timeout");
    const patient = workflowJob([
      waitForWebhook("w", { onTimeout: "continue" }),
      transform("t", "{{steps.w.timed_out}}"),
    ]);
    expect(new WorkflowDriver(patient).start().pass(3_600_000).output("t")).toBe(true);
  });

  it("waits for a slot again when the others took it", () => {
    const driver = new WorkflowDriver({ ...job, steps: [waitForWebhook("w"), http("b")], concurrencyLimit: 1 }).start();
    driver.trigger({ id: "exe_2" }, driver.nowMs);
    expect([...driver.state.live.values()].map(({ execution }) => execution.status)).toEqual(["waiting", "waiting"]);
    call(driver, 1);
    expect(driver.requested()).toEqual(["b"]);
    const key = driver.state.live.get("exe_2")?.key ?? "";
    const token = tokenOf(callbackUrl({ publicUrl: null, executionId: "exe_2", key }, "w"));
    const request = { executionId: "exe_2", step: "w", token, payload: 2 };
    expect(driver.send<"signal">({ type: "signal", request }, driver.nowMs)).toBe("accepted");
    expect(driver.requested()).toEqual(["b"]);
    driver.answer("b");
    expect(driver.requested()).toEqual(["b"]);
  });
});

describe("approval", () => {
  const decide = (driver: WorkflowDriver, decision: "approve" | "reject", step = "ok") =>
    driver.send<"decide">(
      {
        type: "decide",
        request: {
          executionId: driver.id,
          step,
          decision,
          by: "kim",
          comment: "fine",
          authority: { workspaceId: driver.state.job.workspaceId },
        },
      },
      driver.nowMs,
    );

  it("records who decided, when and why, once", () => {
    const driver = new WorkflowDriver(workflowJob([approval("ok", { message: "Ship {{input.v}}?" }), http("b")])).start(
      {
        input: { v: 3 },
      },
    );
    expect(driver.execution.workflow?.waiting).toMatchObject({ type: "approval", message: "Ship 3?" });
    expect(decide(driver, "approve").type).toBe("decided");
    expect(decide(driver, "reject").type).toBe("not_waiting");
    const at = new Date(START).toISOString();
    expect(driver.output("ok")).toMatchObject({ approved: true, by: "kim", comment: "fine", at });
  });

  it("fails when it is rejected, or goes on", () => {
    const strict = new WorkflowDriver(workflowJob([approval("ok")])).start();
    decide(strict, "reject");
    expect(strict.execution.error?.code).toBe("approval_rejected");
    const mild = new WorkflowDriver(workflowJob([approval("ok", { onReject: "continue" })])).start();
    decide(mild, "reject");
    expect(mild.execution.status).toBe("succeeded");
  });

  it.each([
    ["reject", "failed", "approval_rejected"],
    ["fail", "failed", "approval_timeout"],
    ["approve", "succeeded", undefined],
  ] as const)("on its timeout does as on_timeout says: %s", (onTimeout, status, code) => {
    const driver = new WorkflowDriver(workflowJob([approval("ok", { onTimeout })])).start().pass(86_400_000);
    expect([driver.execution.status, driver.execution.error?.code]).toEqual([status, code]);
  });

  it("is not decided by the token of a callback", () => {
    const driver = new WorkflowDriver(workflowJob([approval("ok")])).start();
    const key = driver.state.live.get(driver.id)?.key ?? "";
    const token = tokenOf(callbackUrl({ publicUrl: null, executionId: driver.id, key }, "ok"));
    const request = { executionId: driver.id, step: "ok", decision: "approve", by: "link", comment: null } as const;
    const answer = driver.send<"decide">({ type: "decide", request: { ...request, authority: { token } } }, START);
    expect(answer.type).toBe("unknown");
  });
});

describe("run_job", () => {
  function orders(driver: WorkflowDriver) {
    return errandOrders(driver.state);
  }

  it("starts another job and waits for its end, asking until it is confirmed", () => {
    const driver = new WorkflowDriver(
      workflowJob([
        runJob("r", OTHER_JOB, { input: { n: "{{input.n}}" } }),
        transform("t", "{{steps.r.output.output}}"),
      ]),
    ).start({ input: { n: 5 } });
    const [order] = orders(driver);
    expect(order).toMatchObject({
      type: "start_child",
      jobId: OTHER_JOB,
      input: { n: 5 },
      parent: { depth: 1, waits: true },
    });
    expect(driver.commands).toContainEqual({ type: "run_errands" });
    driver.commands = [];
    driver.pass(10_000);
    expect(driver.commands).toContainEqual({ type: "run_errands" });
    driver.send<"errand_done">({ type: "errand_done", id: order?.id ?? "", outcome: { type: "done" } }, driver.nowMs);
    expect(orders(driver)).toEqual([]);
    expect(driver.execution.status).toBe("waiting");
    const childId = driver.execution.workflow?.children[0] ?? "";
    const end = {
      executionId: driver.id,
      step: "r",
      childId,
      status: "succeeded",
      output: "done",
      error: null,
    } as const;
    driver.send<"child_ended">({ type: "child_ended", end }, driver.nowMs);
    driver.send<"child_ended">({ type: "child_ended", end }, driver.nowMs);
    expect(driver.execution.status).toBe("succeeded");
    expect(driver.output("t")).toBe("done");
  });

  it("only starts it where it does not wait", () => {
    const driver = new WorkflowDriver(workflowJob([runJob("r", OTHER_JOB, { waits: false })])).start();
    driver.send<"errand_done">(
      { type: "errand_done", id: orders(driver)[0]?.id ?? "", outcome: { type: "done" } },
      START,
    );
    expect(driver.execution.status).toBe("succeeded");
  });

  it("fails with a job that does not exist, and below ten levels", () => {
    const driver = new WorkflowDriver(workflowJob([runJob("r", OTHER_JOB)])).start();
    const outcome = { type: "refused", error: { code: "unknown_job", message: "No such job." } } as const;
    driver.send<"errand_done">({ type: "errand_done", id: orders(driver)[0]?.id ?? "", outcome }, START);
    expect(driver.execution.error?.code).toBe("unknown_job");
    const parent = { executionId: "exe_p", step: "s", depth: 10, waits: false };
    const deep = new WorkflowDriver(workflowJob([runJob("r", OTHER_JOB)])).start({ parent });
    expect(deep.execution.error?.code).toBe("depth_exceeded");
  });

  it("tells the parent of the end, and cancels the child with it", () => {
    const parent = { executionId: "exe_p", step: "s", depth: 1, waits: true };
    const child = new WorkflowDriver(
      workflowJob([transform("t", 1)], { responseOutputTemplate: "{{steps.t.output}}" }),
    );
    child.start({ parent });
    expect(orders(child)).toMatchObject([
      { type: "notify_parent", end: { executionId: "exe_p", step: "s", output: 1 } },
    ]);
    const driver = new WorkflowDriver(workflowJob([runJob("r", OTHER_JOB)])).start();
    driver.send<"cancel">({ type: "cancel", executionId: driver.id }, START);
    expect(orders(driver)).toMatchObject([{ type: "cancel_child", childId: driver.execution.workflow?.children[0] }]);
    expect(driver.statuses()).toEqual({ r: "cancelled" });
  });

  it("starts nothing when a child arrives after its cancel, or twice", () => {
    const parent = { executionId: "exe_p", step: "s", depth: 1, waits: true };
    const child = new WorkflowDriver(workflowJob([http("a")]));
    child.send<"cancel_child">({ type: "cancel_child", executionId: child.id }, START);
    child.start({ parent });
    expect(child.state.live.size).toBe(0);
    const twice = new WorkflowDriver(workflowJob([transform("t", 1)])).start({ parent }).start({ parent });
    expect(twice.state.outbox.size + twice.state.live.size).toBe(1);
  });
});

describe("starting", () => {
  it("answers the same event within its window with the first execution", () => {
    const driver = new WorkflowDriver(workflowJob([http("a")])).start({ dedupe: { key: "push-1", windowMs: MINUTE } });
    const again = (atMs: number) =>
      driver.trigger({ id: `exe_${atMs}`, source: "webhook", dedupe: { key: "push-1", windowMs: MINUTE } }, atMs);
    expect(again(START + 1)).toMatchObject({ ok: false, error: { duplicateOf: driver.id } });
    expect(again(START + MINUTE)).toMatchObject({ ok: true });
  });

  it("leaves a job whose executions are parked room for more", () => {
    const driver = new WorkflowDriver(workflowJob([approval("ok")], { concurrencyLimit: 1 }));
    for (let n = 0; n < 1_100; n += 1) {
      expect(driver.trigger({ id: `exe_${n}` }, START).ok).toBe(true);
    }
    expect([...driver.state.live.values()].filter(occupiesSlot)).toEqual([]);
  });
});

describe("cancel", () => {
  it("releases everything at any point", () => {
    const driver = new WorkflowDriver(
      workflowJob([parallel("p", [[http("a")], [approval("ok")], [wait("w")]])]),
    ).start();
    const work = driver.claimAt("p[0].a");
    const ended = driver.send<"cancel">({ type: "cancel", executionId: driver.id }, START);
    expect(ended?.status).toBe("cancelled");
    expect(new Set(Object.values(driver.statuses()))).toEqual(new Set(["cancelled"]));
    expect(driver.report(work, { type: "succeed", output: null })).toBe(false);
    expect(driver.state.live.size).toBe(0);
  });
});
