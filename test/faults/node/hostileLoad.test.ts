/** Targets that hang until their timeout, beside healthy jobs: how late the healthy ones arrive. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EngineApi, engineApi } from "../../support/engineApi.ts";
import { startInstance, type TestInstance } from "../../support/instance.ts";
import { startTargetServer, type TargetServer } from "../../support/targetServer.ts";
import { FULL, quantile, report } from "./faultRun.ts";

const EACH = FULL ? 100 : 20;
const HANGING_SECONDS = 25;
/** All jobs are created before the first one is due. */
const CREATION_MS = FULL ? 12_000 : 3_000;
const SPREAD_MS = FULL ? 10_000 : 2_000;
const DEADLINE_MS = 60_000;
/** The figure in the full form; in the short one, on whatever machine, a bound that only a standstill exceeds. */
const P99_MOST_MS = FULL ? 1_000 : 5_000;

let instance: TestInstance;
let target: TargetServer;
let api: EngineApi;

beforeAll(async () => {
  [instance, target] = await Promise.all([startInstance(), startTargetServer({ "/hang": { kind: "hang" } })]);
  api = engineApi(instance);
});
afterAll(async () => {
  await instance?.stop();
  await target?.stop();
});

/** `EACH` healthy jobs with due times spread over `SPREAD_MS`, and as many that hang and are due at `hangsAtMs`. */
async function run(hangsAtMs: (index: number, startMs: number) => number) {
  const path = `/healthy-${target.arrivals.length}`;
  const hungBefore = target.arrivalsAt("/hang").length;
  const startMs = Date.now() + CREATION_MS;
  const create = (url: string, dueMs: number) =>
    api.createJob(url, {
      kind: "scheduled",
      schedule: { run_at: new Date(dueMs).toISOString() },
      request: { timeout_seconds: HANGING_SECONDS },
      retry_policy: { max_attempts: 1 },
    });
  for (let index = 0; index < EACH; index++) {
    await create(`${target.url}/hang`, hangsAtMs(index, startMs));
    await create(`${target.url}${path}`, startMs + 1_000 + (index * SPREAD_MS) / EACH);
  }
  await target.waitFor(() => target.arrivalsAt(path).length >= EACH, DEADLINE_MS);
  const late = target.arrivalsAt(path).map((arrival) => {
    return arrival.atMs - Date.parse(String(arrival.headers["x-cron-service-scheduled-for"]));
  });
  return {
    hangingArrived: target.arrivalsAt("/hang").length - hungBefore,
    p50: quantile(late, 0.5),
    p99: quantile(late, 0.99),
    max: Math.max(...late),
  };
}

describe("healthy jobs beside as many that hang until their timeout", () => {
  it.runIf(FULL)(`are on time when the hanging ones all came before (${EACH} of each)`, async () => {
    const figures = await run((_index, startMs) => startMs);
    report("hostile load, hanging first", figures);
    expect(figures.p99).toBeLessThan(P99_MOST_MS);
  });

  it(`are on time when the hanging ones keep coming between them (${EACH} of each)`, async () => {
    const figures = await run((index, startMs) => startMs + 1_000 + (index * SPREAD_MS) / EACH);
    report("hostile load, interleaved", figures);
    expect(figures.p99).toBeLessThan(P99_MOST_MS);
  });
});
