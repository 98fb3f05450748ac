import { beforeAll, describe, expect, it } from "vitest";
import type { TestWorkspace } from "./harness.ts";
import { TARGET, createWorkspace, paths } from "./harness.ts";

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});

const CRONTAB = `# comment

0 2 * * * ${TARGET}a
@daily ${TARGET}b
61 * * * * ${TARGET}c
0 3 * * *
0 4 * * * http://169.254.169.254/
`;

describe("POST /v1/jobs/import", () => {
  it("creates what it can and says why not for the rest", async () => {
    const reply = await workspace.call("POST", "/v1/jobs/import", {
      token: workspace.admin,
      body: { crontab: CRONTAB, timezone: "Asia/Kolkata" },
    });
    expect(reply.status).toBe(200);
    expect(reply.body.totals).toEqual({ lines: 5, created: 2, would_create: 0, errors: 3 });
    expect(reply.body.lines.map((each: { line: number; status: string }) => [each.line, each.status])).toEqual([
      [3, "created"],
      [4, "created"],
      [5, "error"],
      [6, "error"],
      [7, "error"],
    ]);
    const job = await workspace.call("GET", `/v1/jobs/${reply.body.lines[1].job_id}`);
    expect(job.body).toMatchObject({
      name: "127.0.0.1:59999/b",
      kind: "cron",
      schedule: { cron: "0 0 * * *", timezone: "Asia/Kolkata" },
      request: { url: `${TARGET}b` },
    });
  });

  it("reads text/plain with its options in the query, and a dry run creates nothing", async () => {
    const before = (await workspace.call("GET", "/v1/jobs?limit=100")).body.data.length;
    const url = encodeURIComponent(`${TARGET}default`);
    const reply = await workspace.call("POST", `/v1/jobs/import?default_url=${url}&dry_run=true`, {
      headers: { "content-type": "text/plain; charset=utf-8" },
      body: CRONTAB,
    });
    expect(reply.body.totals).toEqual({ lines: 5, created: 0, would_create: 3, errors: 2 });
    expect((await workspace.call("GET", "/v1/jobs?limit=100")).body.data).toHaveLength(before);
  });

  it.each([
    [{}, ["crontab"]],
    [{ crontab: "# nothing" }, ["crontab"]],
    [{ crontab: `0 0 * * * ${TARGET}\n`.repeat(501) }, ["crontab"]],
    [{ crontab: CRONTAB, timezone: "Nowhere/Land" }, ["timezone"]],
    [{ crontab: CRONTAB, dryrun: true }, ["dryrun"]],
  ])("refuses %#", async (body, expected) => {
    const reply = await workspace.call("POST", "/v1/jobs/import", { body });
    expect(reply.status).toBe(400);
    expect(paths(reply)).toEqual(expected);
  });

  it("refuses options in the query of a JSON body", async () => {
    const reply = await workspace.call("POST", "/v1/jobs/import?dry_run=true", { body: { crontab: CRONTAB } });
    expect(paths(reply)).toEqual(["dry_run"]);
  });
});
