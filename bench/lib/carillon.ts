/** Carillon as its users drive it: a workspace, its owner's token, jobs created through the API. */

import { apiFailure, callApi } from "../../scripts/lib/client.ts";
import type { ApiAnswer } from "../../scripts/lib/client.ts";
import { carillonBindings, startInstance } from "./instance.ts";
import type { Instance, InstanceOptions } from "./instance.ts";
import { inParallel, until } from "./waiting.ts";
import type { World } from "../world/world.ts";

export interface Carillon extends Instance {
  readonly ownerToken: string;
  readonly workspaceId: string;
  /** Answers whatever the status is. */
  call(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
}

export interface CreatedJobs {
  readonly ids: readonly string[];
  readonly elapsedMs: number;
}

/** Creations under way at a time. */
const CREATORS = 8;
const WARM_UP_RUNS = 20;
const WARM_UP_DEADLINE_MS = 30_000;
/** A slower creation than the one that was tried first is allowed for. */
const CREATION_MARGIN = 1.5;

export async function startCarillon(options: Omit<InstanceOptions, "bindings">): Promise<Carillon> {
  const bindings = carillonBindings();
  const instance = await startInstance({ ...options, bindings });
  try {
    const created = await callApi(instance.url, {
      method: "POST",
      path: "/v1/workspaces",
      token: bindings.ADMIN_TOKEN,
      body: { name: "bench" },
    });
    if (created.status !== 201) throw apiFailure("The workspace could not be created", created);
    const { workspace, token } = created.json as { workspace: { id: string }; token: { token: string } };
    return {
      ...instance,
      ownerToken: token.token,
      workspaceId: workspace.id,
      call: (method, path, body) =>
        callApi(instance.url, { method, path, token: token.token, ...(body === undefined ? {} : { body }) }),
    };
  } catch (error) {
    await instance.stop();
    throw error;
  }
}

export async function createJobs(carillon: Carillon, bodies: readonly object[]): Promise<CreatedJobs> {
  const startedAtMs = performance.now();
  const ids = await inParallel(bodies, CREATORS, async (body) => {
    const answer = await carillon.call("POST", "/v1/jobs", body);
    if (answer.status !== 201) throw apiFailure("A job could not be created", answer);
    return (answer.json as { id: string }).id;
  });
  return { ids, elapsedMs: performance.now() - startedAtMs };
}

/** A job that runs only when it is told to, as far as a benchmark lasts. */
export function idleJob(url: string, name: string): object {
  return {
    name,
    kind: "recurring",
    schedule: { every_n_minutes: 1_440 },
    request: { url },
    concurrency_limit: 100,
  };
}

export function oneShotJob(url: string, name: string, dueMs: number): object {
  return { name, kind: "scheduled", schedule: { run_at: new Date(dueMs).toISOString() }, request: { url } };
}

/** Fires once a day, the first time at `dueMs`: a full minute, less than a day ahead. */
export function cronJob(url: string, name: string, dueMs: number): object {
  const due = new Date(dueMs);
  const cron = `${due.getUTCMinutes()} ${due.getUTCHours()} * * *`;
  return { name, kind: "cron", schedule: { cron, timezone: "UTC" }, request: { url } };
}

export async function runNow(carillon: Carillon, jobId: string): Promise<string> {
  const answer = await carillon.call("POST", `/v1/jobs/${jobId}/run-now`);
  if (answer.status !== 202) throw apiFailure("A job could not be run", answer);
  return (answer.json as { id: string }).id;
}

/**
 * Runs every path once in a while before anything is measured, as it is on an instance that has been up for more than a
 * moment; returns how long the creation of so many more jobs is to be expected to take.
 */
export async function warmUp(carillon: Carillon, world: World): Promise<{ creationMs(jobs: number): number }> {
  await world.forget({ details: false });
  const bodies = Array.from({ length: WARM_UP_RUNS }, (_, index) =>
    idleJob(`${world.url}/warm-up`, `warm-up ${index}`),
  );
  const { ids } = await createJobs(carillon, bodies);
  // The first ones were slow, and say nothing about the many that follow.
  const { elapsedMs } = await createJobs(carillon, bodies);
  for (const id of ids) await runNow(carillon, id);
  await until(async () => (await world.count()) >= ids.length, WARM_UP_DEADLINE_MS, "the runs of the warm-up");
  return { creationMs: (jobs) => (elapsedMs / WARM_UP_RUNS) * CREATION_MARGIN * jobs };
}
