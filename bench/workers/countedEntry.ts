/**
 * Carillon itself with a counter at every binding, and with routes of its own for whoever counts:
 *
 *     GET  /bench/counts   what was used of the platform so far
 *     POST /bench/plans    the plan of each statement since the last call; empties the list
 *     POST /bench/insert   { sql, rows }: one statement that takes all rows as one JSON parameter
 */

import worker, { AttemptWorker as EngineAttemptWorker, JobActor as EngineJobActor } from "../../src/entry/worker.ts";
import type { Bindings } from "../../src/entry/env.ts";
import type { ExecutionMessage } from "../../src/queue/message.ts";
import { countedBatch, countedBindings } from "./countedBindings.ts";
import type { RecordedStatement } from "./countedBindings.ts";
import { createStorageCounter } from "./countedStorage.ts";
import { noCounts } from "./platformCounts.ts";

export interface StatementPlan {
  readonly sql: string;
  readonly plan: readonly string[];
}

// Local objects live in the isolate of their Worker, so one count holds all.
const counts = noCounts();
const statements: RecordedStatement[] = [];
const storage = createStorageCounter(counts);

export class JobActor extends EngineJobActor {
  constructor(ctx: DurableObjectState, env: Bindings) {
    storage.watch(ctx.storage);
    super(ctx, countedBindings(env, counts, statements));
  }

  override async alarm(): Promise<void> {
    counts.actorRequests += 1;
    await super.alarm();
  }
}

export class AttemptWorker extends EngineAttemptWorker {
  constructor(ctx: ExecutionContext, env: Bindings) {
    super(ctx, countedBindings(env, counts, statements));
  }
}

export default {
  async fetch(request, env, context) {
    switch (new URL(request.url).pathname) {
      case "/bench/counts":
        storage.settle();
        return Response.json(counts);
      case "/bench/plans":
        return Response.json(await plansOf(env.DB, statements.splice(0)));
      case "/bench/insert": {
        const { sql, rows } = await request.json<{ sql: string; rows: unknown }>();
        const { meta } = await env.DB.prepare(sql).bind(JSON.stringify(rows)).run();
        return Response.json({ changes: meta.changes });
      }
      default:
        counts.fetches += 1;
        return worker.fetch(request, countedBindings(env, counts, statements), context);
    }
  },

  async queue(batch, env, context) {
    counts.consumerInvocations += 1;
    await worker.queue(countedBatch(batch, counts), countedBindings(env, counts, statements), context);
  },

  async scheduled(controller, env) {
    counts.scheduledRuns += 1;
    await worker.scheduled(controller, countedBindings(env, counts, statements));
  },
} satisfies ExportedHandler<Bindings, ExecutionMessage>;

async function plansOf(db: D1Database, recorded: readonly RecordedStatement[]): Promise<StatementPlan[]> {
  const plans: StatementPlan[] = [];
  for (const { sql, params } of recorded) {
    const { results } = await db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...params)
      .all<{ detail: string }>();
    plans.push({ sql, plan: results.map(({ detail }) => detail) });
  }
  return plans;
}
