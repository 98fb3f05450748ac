import { describe, expect, it } from "vitest";
import { aJob, anExecution } from "../../../../test/workerd/db/builders.ts";
import type { Services } from "../../../app/services.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import { untilFinished } from "./untilFinished.ts";

const ENDED = anExecution(aJob());
const RUNNING: Execution = { ...ENDED, status: "running", finishedAtMs: null };

/** A clock that only sleeping moves, and an execution that ends at a moment. */
function world(endsAtMs: number, look: (nowMs: number) => Execution | null = () => RUNNING) {
  let nowMs = 0;
  const pauses: number[] = [];
  const services = {
    clock: { now: () => nowMs },
    executions: { find: async () => (nowMs >= endsAtMs ? ENDED : look(nowMs)) },
    actors: { of: () => ({ describe: async () => look(nowMs) }) },
    report: () => undefined,
  } as unknown as Services;
  const sleep = async (ms: number) => {
    pauses.push(ms);
    nowMs += ms;
  };
  return { pauses, services, sleep, wait: (timeMs: number) => untilFinished(services, RUNNING, timeMs, sleep) };
}

describe("waiting for the end of a run", () => {
  it("ends with the run", async () => {
    const { wait, pauses } = world(100);
    expect(await wait(60_000)).toBe(ENDED);
    expect(pauses).toEqual([25, 50, 100]);
  });

  it("ends with its time, and not a moment later", async () => {
    const { wait, pauses } = world(Number.POSITIVE_INFINITY);
    expect(await wait(60_000)).toBe(RUNNING);
    expect(pauses.reduce((sum, ms) => sum + ms, 0)).toBe(60_000);
    expect(Math.max(...pauses)).toBe(2_000);
    // Each look is a query, of which an invocation has 50 at least.
    expect(pauses.length).toBeLessThan(40);
  });

  it("goes on when a look fails, and keeps what it saw last", async () => {
    const { wait } = world(Number.POSITIVE_INFINITY, () => null);
    expect(await wait(1_000)).toBe(RUNNING);
  });

  it("does not wait for what has ended", async () => {
    const { pauses, services, sleep } = world(0);
    expect(await untilFinished(services, ENDED, 1_000, sleep)).toBe(ENDED);
    expect(pauses).toEqual([]);
  });
});
