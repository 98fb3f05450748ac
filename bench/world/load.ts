/** Submits at full speed with a bounded number under way: a closed loop, so that nothing piles up. */

import { Agent, request } from "node:http";
import type { LoadOutcome, LoadPlan } from "./methods.ts";

export interface Load {
  /** The target was called. */
  arrived(): void;
  run(): Promise<LoadOutcome>;
}

/** How long submissions may still take after the last one was made. */
const DRAIN_MS = 10_000;
const POLL_MS = 20;
/** A Worker that refuses is not asked again in a busy loop. */
const AFTER_REFUSAL_MS = 20;

export function createLoad(plan: LoadPlan): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: plan.inFlight });
  const targets = plan.urls.map((url) => new URL(url));
  const counts = { accepted: 0, refused: 0, arrivals: 0 };
  let submitted = 0;
  let underWay = 0;
  let isOver = false;

  const fill = (): void => {
    while (!isOver && underWay < plan.inFlight) {
      underWay += 1;
      submit();
    }
  };

  const done = (): void => {
    underWay -= 1;
    fill();
  };

  const refused = (): void => {
    counts.refused += 1;
    setTimeout(done, AFTER_REFUSAL_MS);
  };

  const submit = (): void => {
    const url = targets[submitted % targets.length];
    if (url === undefined) throw new Error("A load needs a URL.");
    submitted += 1;
    const options = { agent, method: plan.method, headers: { ...plan.headers, "content-length": 0 } };
    const submission = request(url, options, (response) => {
      response.resume();
      response.on("end", () => {
        const { statusCode = 0 } = response;
        if (statusCode < 200 || statusCode > 299) {
          refused();
          return;
        }
        counts.accepted += 1;
        if (plan.doneAt === "answer") done();
      });
    });
    submission.on("error", refused);
    submission.end();
  };

  return {
    arrived: () => {
      counts.arrivals += 1;
      if (plan.doneAt === "arrival") done();
    },
    run: async () => {
      fill();
      await sleep(plan.warmUpMs);
      const before = { ...counts, atMs: performance.now(), cpu: process.cpuUsage() };
      await sleep(plan.measuredMs);
      const elapsedMs = performance.now() - before.atMs;
      const cpu = process.cpuUsage(before.cpu);
      const measured = {
        elapsedMs,
        accepted: counts.accepted - before.accepted,
        refused: counts.refused - before.refused,
        arrivals: counts.arrivals - before.arrivals,
        cpuShare: (cpu.user + cpu.system) / 1_000 / elapsedMs,
      };
      isOver = true;
      for (let waitedMs = 0; underWay > 0 && waitedMs < DRAIN_MS; waitedMs += POLL_MS) await sleep(POLL_MS);
      agent.destroy();
      return { ...measured, missing: underWay };
    },
  };
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
