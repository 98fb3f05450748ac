import { describe, expect, it } from "vitest";
import { approvalUrls, linkToken } from "../workflow/links.ts";
import { approval, http, workflowJob } from "../workflow/workflow.fixture.ts";
import { approvalView } from "./approvalView.ts";
import { START } from "./engine.fixture.ts";
import type { ApprovalView } from "./protocol.ts";
import { WorkflowDriver } from "./workflow.fixture.ts";

const SECOND = 1_000;

/** What the link shows that was made while the execution lived; afterwards from the record alone. */
class Link {
  readonly #driver: WorkflowDriver;
  readonly #token: string;

  constructor(driver: WorkflowDriver) {
    this.#driver = driver;
    const key = driver.state.live.get(driver.id)?.key ?? "";
    const { url } = approvalUrls({ publicUrl: null, executionId: driver.id, key }, "ok");
    this.#token = url.slice(url.lastIndexOf("/") + 1);
  }

  view(token = this.#token, step = "ok"): ApprovalView | null {
    const { execution, state, id } = this.#driver;
    const recorded = JSON.parse(JSON.stringify(execution)) as typeof execution;
    return approvalView(recorded, state.live.get(id)?.key ?? recorded.workflow?.key ?? null, { step, token });
  }
}

function start(changes: Parameters<typeof approval>[1] = {}): { driver: WorkflowDriver; link: Link } {
  const driver = new WorkflowDriver(
    workflowJob([http("a"), approval("ok", { approvers: ["Ada"], ...changes })]),
  ).start();
  return { driver, link: new Link(driver) };
}

function decide(driver: WorkflowDriver, decision: "approve" | "reject"): void {
  const authority = { workspaceId: driver.state.job.workspaceId };
  const request = { executionId: driver.id, step: "ok", decision, by: "kim", comment: null, authority } as const;
  driver.send<"decide">({ type: "decide", request }, driver.nowMs);
}

describe("approvalView", () => {
  it("is closed without an end before its step is reached, and open from then on", () => {
    const { driver, link } = start();
    expect(link.view()).toMatchObject({ open: false, end: null });
    driver.answer("a");
    expect(link.view()).toMatchObject({ open: true, end: null, message: "Ship it?", approvers: ["Ada"] });
    expect(link.view()?.untilMs).toBe(START + 86_400 * SECOND);
  });

  it.each([
    ["approve", "approved"],
    ["reject", "rejected"],
  ] as const)("tells afterwards who did %s it, and when", (decision, told) => {
    const { driver, link } = start();
    driver.answer("a").nowMs += SECOND;
    decide(driver, decision);
    expect(driver.state.live.size).toBe(0);
    const end = { decision: told, by: "kim", timedOut: false, atMs: START + SECOND };
    expect(link.view()).toMatchObject({ open: false, end, message: "Ship it?" });
  });

  it.each([
    ["reject", "rejected"],
    ["approve", "approved"],
    ["fail", null],
  ] as const)("tells that its time was over, and that on_timeout was %s", (onTimeout, decision) => {
    const { driver, link } = start({ onTimeout, timeoutSeconds: 60 });
    driver.answer("a").pass(60 * SECOND);
    const end = { decision, by: null, timedOut: true, atMs: START + 60 * SECOND };
    expect(link.view()).toMatchObject({ open: false, end });
  });

  it.each([true, false])("tells that its execution ended without (step reached: %s)", (isReached) => {
    const { driver, link } = start();
    if (isReached) driver.answer("a");
    driver.send<"cancel">({ type: "cancel", executionId: driver.id }, START + SECOND);
    const end = { decision: null, by: null, timedOut: false, atMs: START + SECOND };
    expect(link.view()).toMatchObject({ open: false, end });
  });

  it("is nothing to a wrong token, whether the execution lives, has ended or never was", () => {
    const { driver, link } = start();
    const wrong = ["", "0".repeat(32), linkToken("", "approval", "ok")];
    const expectNothing = () => {
      for (const token of wrong) expect(link.view(token)).toBeNull();
      expect(link.view(undefined, "other")).toBeNull();
    };
    expectNothing();
    driver.answer("a");
    decide(driver, "approve");
    expectNothing();
    for (const token of wrong) expect(approvalView(null, null, { step: "ok", token })).toBeNull();
    const old = { ...driver.execution, workflow: null };
    for (const token of wrong) expect(approvalView(old, null, { step: "ok", token })).toBeNull();
  });

  it("has its key in no record of an execution that lives", () => {
    const { driver } = start();
    driver.answer("a");
    expect(driver.execution.workflow).not.toHaveProperty("key");
  });
});
