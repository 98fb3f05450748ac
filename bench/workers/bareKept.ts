/**
 * The least that keeps what Carillon promises of a run-now: its start is durable before it is answered, so is its end, and the
 * history has it. One object per job with a row written at each; ends that come meanwhile share a write to D1. Nothing is
 * checked, judged, retried, signed or logged.
 */

import { DurableObject } from "cloudflare:workers";
import { groupCommit } from "../../src/app/executions/groupCommit.ts";
import type { Execution } from "../../src/domain/execution/execution.ts";

interface Bindings {
  readonly OBJECTS: DurableObjectNamespace<BareKept>;
  readonly DB: D1Database;
  readonly TARGET_URL: string;
}

/** As long as a live execution is in an actor's row, and a finished one's attempts in the history. */
const RECORD = JSON.stringify({ record: "x".repeat(700) });

export class BareKept extends DurableObject<Bindings> {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS live (id TEXT PRIMARY KEY, record TEXT) WITHOUT ROWID");
  }

  async start(id: string): Promise<void> {
    this.ctx.storage.sql.exec("INSERT INTO live (id, record) VALUES (?, ?)", id, RECORD);
  }

  async end(id: string): Promise<void> {
    this.ctx.storage.sql.exec("DELETE FROM live WHERE id = ?", id);
  }
}

const INSERT = `
INSERT INTO executions (id, workspace_id, job_id, job_version, status, source, scheduled_for, created_at, rev, job_name,
  attempt_count, attempts)
SELECT given.value ->> 0, 'wks', given.value ->> 1, 1, 'succeeded', 'manual', given.value ->> 2, given.value ->> 2, 1, 'job',
  1, given.value ->> 3
FROM json_each(?1) AS given`;

/** Of this isolate, as Carillon's is. */
let history: ReturnType<typeof groupCommit> | null = null;

function historyOf(db: D1Database): ReturnType<typeof groupCommit> {
  history ??= groupCommit(
    {
      async record(entries) {
        const rows = entries.map(({ execution: { id, jobId, createdAtMs } }) => [id, jobId, createdAtMs, RECORD]);
        await db.batch([db.prepare(INSERT).bind(JSON.stringify(rows))]);
        return true;
      },
    },
    Date,
  );
  return history;
}

export default {
  /** `?job=N` runs the job of that name. */
  async fetch(request, env, context) {
    const jobId = new URL(request.url).searchParams.get("job") ?? "";
    const object = env.OBJECTS.getByName(jobId);
    const createdAtMs = Date.now();
    const id = `${createdAtMs}-${crypto.randomUUID()}`;
    await object.start(id);
    context.waitUntil(attempt(env, object, { id, jobId, createdAtMs }));
    return Response.json({ id }, { status: 202 });
  },
} satisfies ExportedHandler<Bindings>;

async function attempt(
  { DB, TARGET_URL }: Bindings,
  object: DurableObjectStub<BareKept>,
  execution: Pick<Execution, "id" | "jobId" | "createdAtMs">,
): Promise<void> {
  const answer = await fetch(TARGET_URL);
  await answer.text();
  // The three that `record` above reads.
  await historyOf(DB).record([{ execution: execution as Execution, completesJob: false }]);
  await object.end(execution.id);
}
