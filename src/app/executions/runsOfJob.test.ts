import { describe, expect, it } from "vitest";
import { aJob, anExecution } from "../../../test/workerd/db/builders.ts";
import type { ExecutionStatus } from "../../domain/execution/execution.ts";
import { stepFailureSentence } from "../../domain/execution/stepFailure.ts";
import { http } from "../../domain/workflow/workflow.fixture.ts";
import type { Services } from "../services.ts";
import { getRunOfJob, listRunsOfJob } from "./runsOfJob.ts";

const JOB = aJob({ version: 4, steps: [http("call", { name: "The newest name" })] });
const OLDER = new Map([2, 3].map((version) => [version, { steps: [http("call", { name: `Name of ${version}` })] }]));

/** A job with executions of these statuses and versions, and a note of every list and every look at versions. */
function world(executions: readonly (readonly [ExecutionStatus, number])[], total = executions.length) {
  const pages: unknown[] = [];
  const looks: (readonly number[])[] = [];
  const items = executions.map(([status, jobVersion]) => {
    const error = { code: "http_status", message: stepFailureSentence("call", "no") };
    return anExecution(JOB, { status, jobVersion, error: status === "failed" ? error : null });
  });
  const parts = {
    jobs: { find: async () => JOB, prunedCount: async () => 0 },
    actors: { of: () => ({ load: async () => ({ total, uncounted: null }) }) },
    clock: { now: () => 0 },
    executions: {
      find: async () => items[0],
      list: async (_: string, { page }: { page: unknown }) => {
        pages.push(page);
        return { items, hasMore: false, nextCursor: null };
      },
    },
    jobVersions: {
      findMany: async (_: string, versions: readonly number[]) => {
        looks.push(versions);
        return OLDER;
      },
    },
  };
  return { services: parts as unknown as Services, pages, looks, items };
}

const list = async ({ services }: ReturnType<typeof world>, page: number, pageSize: number) => {
  const answer = await listRunsOfJob(services, JOB.workspaceId, JOB.id, { page, pageSize });
  if (!answer.ok) throw new Error(answer.error.code);
  return answer.value;
};

describe("a page of a job's executions", () => {
  it("names steps as the definition did that each execution ran under, in one look", async () => {
    const all = world([
      ["failed", 4],
      ["failed", 3],
      ["failed", 2],
      ["failed", 3],
      ["failed", 1],
      ["succeeded", 2],
    ]);
    const { runs } = await list(all, 1, 20);
    expect(runs.map(({ failure }) => failure?.step)).toEqual([
      { id: "call", name: "The newest name" },
      { id: "call", name: "Name of 3" },
      { id: "call", name: "Name of 2" },
      { id: "call", name: "Name of 3" },
      { id: "call", name: null },
      undefined,
    ]);
    expect(all.looks).toEqual([[3, 2, 1]]);
  });

  it("looks for no version where nothing failed under an older one", async () => {
    const all = world([
      ["failed", 4],
      ["succeeded", 1],
      ["cancelled", 2],
    ]);
    await list(all, 1, 20);
    expect(all.looks).toEqual([]);
  });

  it("is that of its number", async () => {
    const all = world([["succeeded", 4]], 61);
    expect(await list(all, 3, 30)).toMatchObject({ total: 61 });
    expect(all.pages).toEqual([{ limit: 30, offset: 60, cursor: null }]);
  });

  it("is empty beyond the end, and reads nothing", async () => {
    const all = world([["succeeded", 4]], 60);
    expect(await list(all, 3, 30)).toEqual({ runs: [], total: 60 });
    expect(all.pages).toEqual([]);
  });
});

describe("one execution of a job", () => {
  it("comes with the definition that it ran under", async () => {
    const { services, items } = world([["failed", 2]]);
    const found = await getRunOfJob(services, JOB.workspaceId, JOB.id, items[0]?.id ?? "");
    expect(found).toEqual({ ok: true, value: { execution: items[0], ran: OLDER.get(2) } });
  });

  it("is not found as one of another job", async () => {
    const { services, items } = world([["failed", 4]]);
    const found = await getRunOfJob(services, JOB.workspaceId, aJob().id, items[0]?.id ?? "");
    expect(found).toMatchObject({ ok: false, error: { code: "not_found" } });
  });
});
