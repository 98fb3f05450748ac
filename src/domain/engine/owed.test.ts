import { describe, expect, it } from "vitest";
import { approval, runJob, workflowJob } from "../workflow/workflow.fixture.ts";
import { owedHistory } from "./control.ts";
import { START } from "./engine.fixture.ts";
import type { JobState } from "./state.ts";
import { WorkflowDriver } from "./workflow.fixture.ts";

const OTHER_JOB = "job_01kdefghjkzzzzzzzzzzzzzzzz";
const MANY = 50;

function startMany(driver: WorkflowDriver, count = MANY): string[] {
  return Array.from({ length: count }, (_, n) => {
    const id = `exe_${n}`;
    driver.trigger({ id }, driver.nowMs);
    return id;
  });
}

function approve(driver: WorkflowDriver, executionId: string): void {
  const authority = { workspaceId: driver.state.job.workspaceId };
  const request = { executionId, step: "ok", decision: "approve", by: "kim", comment: null, authority } as const;
  driver.send<"decide">({ type: "decide", request }, driver.nowMs);
}

/** Entries that the store would write: those that are not the very same as before. */
function written(before: JobState, after: JobState, part: "live" | "outbox" | "errands"): number {
  return [...after[part]].filter(([id, entry]) => before[part].get(id) !== entry).length;
}

function collections(driver: WorkflowDriver): number {
  const found = driver.commands.filter(({ type }) => type === "collect_history").length;
  driver.commands = [];
  return found;
}

describe("what is owed to the history", () => {
  it("is asked for at every end, and only the new record is written", () => {
    const driver = new WorkflowDriver(workflowJob([approval("ok")]));
    const ids = startMany(driver);
    driver.commands = [];
    for (const id of ids) {
      const before = driver.state;
      approve(driver, id);
      expect([written(before, driver.state, "outbox"), written(before, driver.state, "live")]).toEqual([1, 0]);
    }
    expect(collections(driver)).toBe(MANY);
  });

  it("is asked for again together, though it came at different times, until it is confirmed", () => {
    const driver = new WorkflowDriver(workflowJob([approval("ok")]));
    for (const id of startMany(driver)) {
      driver.nowMs += 20;
      approve(driver, id);
    }
    collections(driver);
    driver.pass(4_100);
    expect(collections(driver)).toBe(1);
    driver.pass(1_000);
    expect(collections(driver)).toBe(0);
    driver.pass(60_000);
    expect(collections(driver)).toBe(1);
    const confirmed = owedHistory(driver.state).map(({ execution: { id, rev } }) => ({ id, rev }));
    driver.send<"confirm">({ type: "confirm", confirmed }, driver.nowMs);
    expect(driver.state.outbox.size).toBe(0);
    expect(driver.pass(600_000).state.outbox.size + collections(driver)).toBe(0);
  });
});

describe("a history that is away while executions go on ending", () => {
  it("costs each record a few rows, and not one for every other record", () => {
    const driver = new WorkflowDriver(workflowJob([approval("ok")]));
    const ids = startMany(driver, 6 * MANY);
    let rows = 0;
    const counting = (act: () => void) => {
      const before = driver.state;
      act();
      rows += written(before, driver.state, "outbox");
    };
    for (const id of ids) {
      counting(() => driver.pass(1_000));
      counting(() => approve(driver, id));
    }
    expect(driver.state.outbox.size).toBe(ids.length);
    expect(rows / ids.length).toBeLessThan(10);
  });
});

describe("errands", () => {
  it("are asked for as they come, and only the new one is written", () => {
    const driver = new WorkflowDriver(workflowJob([runJob("r", OTHER_JOB)], { concurrencyLimit: MANY }));
    for (let n = 0; n < MANY; n += 1) {
      const before = driver.state;
      driver.trigger({ id: `exe_${n}` }, START + n);
      expect(written(before, driver.state, "errands")).toBe(1);
    }
    const asked = () => driver.commands.filter(({ type }) => type === "run_errands").length;
    expect(asked()).toBe(MANY);
    driver.commands = [];
    driver.pass(5_000 + MANY);
    driver.pass(1_000);
    expect(asked()).toBe(1);
  });
});
