/** Clients that hang up as soon as they have asked: what they started is made all the same, without waiting for a lease. */

import { connect } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type EngineApi, engineApi } from "../support/engineApi.ts";
import { startInstance, type TestInstance, until } from "../support/instance.ts";
import { startTargetServer, type TargetServer } from "../support/targetServer.ts";

const CLIENTS = 60;
const DEADLINE_MS = 30_000;

let instance: TestInstance;
let target: TargetServer;
let api: EngineApi;
beforeAll(async () => {
  [instance, target] = await Promise.all([startInstance(), startTargetServer()]);
  api = engineApi(instance);
});
afterAll(async () => {
  await instance.stop();
  await target.stop();
});

/** Hangs up some turns of the event loop after the whole request was written. */
async function askAndHangUp(path: string, turns: number): Promise<void> {
  const { hostname, port } = new URL(instance.url);
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(Number(port), hostname).on("error", reject).on("close", resolve);
  const head = [`POST ${path} HTTP/1.1`, `Host: ${hostname}`, `Authorization: Bearer ${instance.ownerToken}`];
  const hangUp = async () => {
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    socket.destroy();
  };
  socket.write(`${[...head, "Content-Length: 0"].join("\r\n")}\r\n\r\n`, () => void hangUp());
  await closed;
}

/** As the job's actor counts them, whether or not anybody heard of them. */
async function startedOf(jobId: string): Promise<number> {
  const page = await instance.api("GET", `/v1/workflows/${jobId.replace("job_", "wf_")}/executions`);
  return page.json.data.pagination.total_count;
}

it("a run-now whose client has gone is made once, at its first attempt", async () => {
  const job = await api.createJob(`${target.url}/x`, {
    kind: "recurring",
    schedule: { every_n_minutes: 1_440 },
    concurrency_limit: 100,
  });
  for (let turns = 0; turns < CLIENTS; turns++) await askAndHangUp(`/v1/jobs/${job.id}/run-now`, turns);
  // One that stays: when it has ended, those that were asked for before it have been started.
  await api.ended((await api.runNow(job.id)).id);
  const started = await startedOf(job.id);
  expect(started).toBeGreaterThan(1);
  const isThere = async () => {
    const listed = await api.list(job.id);
    return listed.length === started && listed.every(({ finished_at: end }) => end !== null);
  };
  await until(isThere, DEADLINE_MS, `${started} executions to be listed with their ends`);
  const made = await Promise.all((await api.list(job.id)).map(({ id }) => api.execution(id)));
  const statuses = made.map(({ status, attempts }) => [status, ...attempts.map((attempt) => attempt.status)].join());
  expect(new Set(statuses)).toEqual(new Set(["succeeded,SUCCESS"]));
  expect(target.arrivals).toHaveLength(started);
});
