/**
 * Version skew: what the first release wrote and sent (test/faults/fixtures, made by it and never changed) against the
 * code of today. A new format gets new fixtures beside these; these stay, because old rows and messages do.
 */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { countExecutions } from "../../../src/app/jobs/countExecutions.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { parseMessage } from "../../../src/queue/message.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";
import { storageOn } from "../../workerd/db/storage.ts";
import actorRows from "../fixtures/actorRows.v1.json";
import d1Rows from "../fixtures/d1Rows.v1.json";
import messages from "../fixtures/messages.v1.json";

const MINUTE = 60_000;
/** The fixture's executions, by what they were doing when its release was replaced. */
const CLAIMED = "exe_0209cvfbg0vers10nskewf1xt0bm61w2";
const OWED = "exe_0209cvfbgavers10nskewf1xt06n7cdc";

let world: Simulation;
beforeEach(() => {
  world = new Simulation();
});
// Both actor and D1 are the same for every story here: the fixtures' job is one.
afterEach(async () => {
  for (const job of world.jobs.values()) await world.delete(job);
  world.end();
});

describe("a message of the first release", () => {
  it.each(messages.messages)("is understood: %j", (message) => {
    expect(parseMessage(message)).toEqual(message);
  });

  it("has the form that is sent today, so that the release before understands it too", async () => {
    await world.start();
    world.beforeD1 = () => {
      throw new Error("D1_ERROR: Network connection lost.");
    };
    const sent = world.take();
    await world.deliver(sent);
    sent.push(...world.take());
    expect(sent.map(({ body }) => shapeOf(body))).toEqual(messages.messages.map(shapeOf));
  });
});

describe("an actor of the first release", () => {
  /** The rows of an actor with an execution in every phase, as the first release left them. */
  async function wake(): Promise<Job> {
    const job = await readOldJob();
    await runInDurableObject(world.stub(job.id), async (_, { storage }) => {
      for (const statement of actorRows.schema) storage.sql.exec(statement);
      for (const [table, rows] of Object.entries(actorRows.rows)) {
        for (const row of rows as Record<string, SqlStorageValue>[]) {
          const columns = Object.keys(row);
          storage.sql.exec(
            `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
            ...Object.values(row),
          );
        }
      }
      await storage.setAlarm(actorRows.alarmMs);
    });
    await world.evict(job.id);
    world.setClock(actorRows.savedAtMs);
    return job;
  }

  it("gets the tables and columns that a new one has", async () => {
    const fresh = await world.start();
    const old = await wake();
    const columns = await columnsOf(fresh.id);
    expect(columns).toContainEqual(expect.objectContaining({ table: "hot", name: "created" }));
    expect(await columnsOf(old.id)).toEqual(columns);
  });

  it("goes on where it was: claimed, failed, dispatched, waiting and owed executions all end, once", async () => {
    const job = await wake();
    await world.advance(5 * MINUTE);
    const history = await world.history(job);
    expect(history.map(({ status, jobVersion, attempts }) => [status, jobVersion, attempts.length])).toEqual([
      ["succeeded", 1, 2],
      ["succeeded", 1, 1],
      ["succeeded", 1, 2],
      ["succeeded", 2, 1],
      ["succeeded", 2, 1],
    ]);
    const byId = new Map(history.map((execution) => [execution.id, execution]));
    expect(byId.get(CLAIMED)?.attempts.map((attempt) => attempt.errorClass)).toEqual(["worker_lost", null]);
    // What had ended before is only brought to the history.
    expect(byId.get(OWED)?.output).toEqual({ id: 7 });
    expect(world.arrivalsOf(OWED)).toEqual([]);
    expect(world.arrivals.map((arrival) => arrival.url).toSorted()).toEqual([
      "https://example.com/v1",
      "https://example.com/v1",
      "https://example.com/v2",
      "https://example.com/v2",
    ]);
    expect(await world.owed(job.id)).toEqual([]);
    await world.advanceTo(START + 60 * MINUTE);
    expect(await world.history(job)).toHaveLength(6);
  });

  it("has its executions counted once, in the history and in its rows, and counts on by itself", async () => {
    const job = await wake();
    await insertOldRows("executions");
    const known = new Set(d1Rows.executions.map(({ id }) => id));
    for (const { execution } of await world.owed(job.id)) known.add(execution.id);
    const count = () => countExecutions(world.services(), job.workspaceId, job.id);
    expect(await count()).toEqual({ ok: true, value: known.size });
    await world.runNow(job);
    await world.evict(job.id);
    expect(await count()).toEqual({ ok: true, value: known.size + 1 });
    await world.advanceTo(START + 60 * MINUTE);
    const history = await world.history(job);
    expect(await count()).toEqual({ ok: true, value: history.length });
  });

  it("takes the result of a consumer of the first release, which names no recordedRev", async () => {
    const job = await wake();
    const { live } = actorRows.rows;
    const claimed = JSON.parse(actorRows.rows.hot[0]?.inline_execution ?? "") as typeof PHASED;
    expect([claimed, ...live.map((row) => JSON.parse(row.execution) as typeof PHASED)].map(phaseOf)).toEqual([
      "claimed",
      "backoff",
      "dispatched",
      "ready",
    ]);
    const [old] = d1Rows.executions;
    const attempts = JSON.parse(old?.attempts ?? "") as never[];
    const answer = await world.actor(job.id).finish({
      executionId: CLAIMED,
      step: "request",
      fence: claimed.steps[0]?.fence ?? 0,
      attempt: attempts.at(-1) as never,
      verdict: { type: "succeed", output: null },
      finishedAtMs: world.nowMs,
      recorded: false,
    });
    expect(answer.applied).toBe(true);
    await world.advance(5 * MINUTE);
    expect(world.arrivalsOf(CLAIMED)).toEqual([]);
    expect((await world.history(job)).find((execution) => execution.id === CLAIMED)?.status).toBe("succeeded");
  });
});

describe("a D1 of the first release", () => {
  it("is read as it was meant", async () => {
    await insertOldRows("executions");
    const job = await readOldJob();
    expect(job).toMatchObject({
      name: "skew",
      version: 2,
      state: "active",
      schedule: { kind: "recurring", everyMinutes: 60 },
      concurrencyLimit: 3,
      request: { url: "https://example.com/v2", method: "POST", headers: { "X-Fixture": "{{attempt}}" } },
    });
    const history = await world.history(job);
    expect(history.map(({ status, attempts }) => [status, attempts.length])).toEqual(
      d1Rows.executions.map((execution) => [execution.status, execution.attempt_count]),
    );
    // And it fires on under the definition that was read.
    await world.actor(job.id).apply(job);
    await world.advanceTo(START + 2 * 60 * MINUTE);
    expect(world.arrivals.map((arrival) => arrival.url)).toContain("https://example.com/v2");
  });
});

/** Of each table: its columns, in their order. */
async function columnsOf(jobId: string): Promise<unknown[]> {
  return await runInDurableObject(world.stub(jobId), (_, { storage }) =>
    storage.sql
      .exec(
        `SELECT tables.name AS "table", columns.name, columns.type, columns."notnull", columns.dflt_value, columns.pk
         FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND tables.name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY tables.name, columns.cid`,
      )
      .toArray(),
  );
}

async function insertOldRows(table: keyof typeof d1Rows): Promise<void> {
  for (const row of d1Rows[table]) {
    const columns = Object.keys(row);
    const marks = columns.map(() => "?").join(", ");
    await env.DB.prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${marks})`)
      .bind(...Object.values(row))
      .run();
  }
}

/** The fixtures' job, from its old row and by the code of today. */
async function readOldJob(): Promise<Job> {
  await insertOldRows("jobs");
  const [row] = d1Rows.jobs;
  const job = await storageOn(env.DB).jobs.find(row?.workspace_id ?? "", row?.id ?? "");
  if (!job) throw new Error("The old job is not found.");
  world.jobs.set(job.id, job);
  return job;
}

const PHASED: { readonly steps: readonly { readonly phase: string; readonly fence: number }[] } = { steps: [] };

function phaseOf(live: typeof PHASED): string | undefined {
  return live.steps[0]?.phase;
}

/** Names and types of an object's members, and the values of those that tell forms apart. */
function shapeOf(body: object): unknown {
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [key, key === "v" || key === "type" ? value : typeof value]),
  );
}
