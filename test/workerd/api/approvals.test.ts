import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { linkToken } from "../../../src/domain/workflow/links.ts";
import type { Parked, Reply, TestWorkspace } from "./harness.ts";
import { call, createWorkspace, eventually, park, pathOf } from "./harness.ts";

let ours: TestWorkspace;
let theirs: TestWorkspace;
beforeAll(async () => {
  [ours, theirs] = await Promise.all([createWorkspace("ours"), createWorkspace("theirs")]);
});

const ASK = { id: "ask", type: "approval", message: "Refund {{input.a}}?", approvers: ["Ada", "Admin"] };
const LINKS = { url: "{{approvals.ask.url}}", approve: "{{approvals.ask.approve_url}}" };

/** Waits at an approval, and then at a wait, so that the execution is live after the decision. */
function asking(workspace = ours): Promise<Parked> {
  return park(workspace, LINKS, ASK, { id: "rest", type: "wait", duration_seconds: 3_600 });
}

function read(executionId: string): Promise<Reply> {
  return ours.call("GET", `/v1/executions/${executionId}`);
}

async function outputOfAsk(executionId: string): Promise<unknown> {
  const { body } = await read(executionId);
  return body.step_executions.find((step: { id: string }) => step.id === "ask").output;
}

describe("an execution that waits for a person", () => {
  it("says so, in itself, in the list of executions and in the list of approvals", async () => {
    const { executionId, jobId } = await asking();
    const { body } = await read(executionId);
    expect(body).toMatchObject({
      status: "waiting",
      input: { a: 1 },
      trigger_input: null,
      parent: null,
      children: [],
      waiting: { step: "ask", type: "approval", message: "Refund 1?" },
    });
    expect(body.step_executions.map((step: { path: string; status: string }) => [step.path, step.status])).toEqual([
      ["links", "succeeded"],
      ["ask", "waiting"],
    ]);
    const isListed = ({ body: page }: Reply) =>
      page.data.some((item: { id?: string; execution_id?: string }) => (item.id ?? item.execution_id) === executionId);
    await eventually(() => ours.call("GET", "/v1/executions?status=waiting"), isListed);
    const approvals = await eventually(() => ours.call("GET", "/v1/approvals"), isListed);
    expect(approvals.body.data.find((item: { execution_id: string }) => item.execution_id === executionId)).toEqual({
      execution_id: executionId,
      job_id: jobId,
      job_name: "job",
      step: "ask",
      name: null,
      message: "Refund 1?",
      approvers: ["Ada", "Admin"],
      since: body.waiting.since,
      until: body.waiting.until,
    });
  });

  it.each([
    ["approve", true, { id: "rest", status: "waiting" }],
    ["reject", false, null],
  ])("goes on once a token decides to %s, and keeps who, when and why", async (decision, approved, next) => {
    const { executionId } = await asking();
    const path = `/v1/executions/${executionId}/steps/ask/${decision}`;
    expect(await ours.call("POST", path, { token: ours.admin, body: { comment: "Checked." } })).toMatchObject({
      status: 200,
      body: { id: executionId },
    });
    const expected = {
      approved,
      by: expect.stringMatching(/^admin \(tok_\w+\)$/),
      comment: "Checked.",
      at: expect.any(String),
    };
    expect(await outputOfAsk(executionId)).toMatchObject(expected);
    const { body } = await read(executionId);
    if (next === null) expect(body).toMatchObject({ status: "failed", error: { code: "approval_rejected" } });
    else expect(body.step_executions.at(-1)).toMatchObject(next);
    const again = await ours.call("POST", path);
    expect(again).toMatchObject({ status: 409, body: { error: { code: "not_waiting" } } });
    await eventually(
      () => ours.call("GET", "/v1/approvals"),
      (page) => page.body.data.every((item: { execution_id: string }) => item.execution_id !== executionId),
    );
  });

  it("is cancelled like any other, and then nobody can decide", async () => {
    const { executionId, links } = await asking();
    const cancelled = await ours.call("POST", `/v1/executions/${executionId}/cancel`);
    expect(cancelled).toMatchObject({ status: 200, body: { status: "cancelled", waiting: null } });
    expect(cancelled.body.step_executions.at(-1)).toMatchObject({ id: "ask", status: "cancelled" });
    expect((await ours.call("POST", `/v1/executions/${executionId}/steps/ask/approve`)).status).toBe(409);
    for (const page of [await call("GET", pathOf(links.url)), await call("POST", `${pathOf(links.url)}/approve`)]) {
      expect(page.status).toBe(410);
      expect(page.body).toContain("<h1>This has ended without a decision</h1>");
    }
  });
});

describe("the link of an approval", () => {
  it("shows a page, however often it is fetched, and decides by POST once", async () => {
    const { executionId, links } = await asking();
    for (const link of [links.url, links.approve, links.url]) {
      const page = await call("GET", pathOf(link));
      expect(page.status).toBe(200);
      expect(page.body).toContain("Refund 1?");
      expect(page.headers.get("content-type")).toContain("text/html");
      expect(page.headers.get("cache-control")).toBe("no-store");
      expect(page.headers.get("referrer-policy")).toBe("no-referrer");
      expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    }
    expect((await read(executionId)).body.status).toBe("waiting");
    const form = {
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "comment=Line+1%0D%0ALine+2",
    };
    const approved = await call("POST", `${pathOf(links.url)}/approve`, form);
    expect(approved.status).toBe(200);
    expect(approved.body).toContain("<h1>Approved</h1>");
    expect(await outputOfAsk(executionId)).toMatchObject({ approved: true, by: "link", comment: "Line 1\nLine 2" });
    expect(await call("GET", pathOf(links.url))).toMatchObject({ status: 410 });
    expect(await call("POST", `${pathOf(links.url)}/reject`, form)).toMatchObject({ status: 410 });
    expect(await outputOfAsk(executionId)).toMatchObject({ approved: true });
  });
});

describe("the link of an approval whose execution has ended", () => {
  /** Waits at an approval, which is its last step. */
  const asked = () => park(ours, LINKS, ASK);
  const inHistory = async (executionId: string) => {
    const isListed = ({ body: page }: Reply) =>
      page.data.some((item: { id: string; status: string }) => item.id === executionId && item.status !== "waiting");
    await eventually(() => ours.call("GET", "/v1/executions"), isListed);
  };

  it("says who decided what, and when, for as long as the history has it", async () => {
    const { executionId, links } = await asked();
    await ours.call("POST", `/v1/executions/${executionId}/steps/ask/reject`, { token: ours.admin });
    await inHistory(executionId);
    for (const link of [links.url, links.approve]) {
      const page = await call("GET", pathOf(link));
      expect(page.status).toBe(410);
      for (const part of ["This was decided already", "Refund 1?", "Rejected", "admin (tok_", " UTC"]) {
        expect(page.body).toContain(part);
      }
    }
    const wrong = pathOf(links.url).replace(/.{32}$/, "0".repeat(32));
    expect((await call("GET", wrong)).status).toBe(404);
    expect((await call("POST", `${wrong}/approve`)).status).toBe(404);
  });

  it("shows in no answer of the API what its token comes from, not to owners either", async () => {
    const { executionId, links } = await asked();
    await ours.call("POST", `/v1/executions/${executionId}/cancel`);
    await inHistory(executionId);
    const { results } = await env.DB.prepare("SELECT workflow FROM executions WHERE id = ?").bind(executionId).all();
    const { key } = JSON.parse(String(results[0]?.["workflow"])) as { key: string };
    expect(pathOf(links.url)).toContain(linkToken(key, "approval", "ask"));
    for (const path of [`/v1/executions/${executionId}`, "/v1/executions", "/v1/approvals"]) {
      expect(JSON.stringify((await ours.call("GET", path)).body)).not.toContain(key);
    }
  });

  it("is nothing once its job is deleted", async () => {
    const { executionId, jobId, links } = await asked();
    await ours.call("POST", `/v1/executions/${executionId}/cancel`);
    await inHistory(executionId);
    await ours.call("DELETE", `/v1/jobs/${jobId}`);
    expect((await call("GET", pathOf(links.url))).status).toBe(404);
  });
});

describe("a decision that cannot be", () => {
  it("is refused with its reason", async () => {
    const { executionId } = await asking();
    const decide = (step: string, body?: unknown) =>
      ours.call("POST", `/v1/executions/${executionId}/steps/${step}/approve`, body === undefined ? {} : { body });
    expect(await decide("nope")).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
    expect(await decide("links")).toMatchObject({ status: 409, body: { error: { code: "not_waiting" } } });
    expect(await decide("ask", { comment: "x".repeat(2_001) })).toMatchObject({ status: 400 });
    expect(await decide("ask", { remark: "x" })).toMatchObject({ status: 400 });
    expect((await read(executionId)).body.status).toBe("waiting");
    expect((await ours.call("GET", "/v1/approvals?cursor=x")).status).toBe(400);
  });

  it("is not for plain executions", async () => {
    const job = await ours.createJob({ retry_policy: { max_attempts: 1 } });
    const { body } = await ours.call("POST", `/v1/jobs/${job.id}/run-now`);
    expect((await ours.call("POST", `/v1/executions/${body.id}/steps/request/approve`)).status).toBe(404);
  });
});

describe("an approval", () => {
  it("is nothing to other workspaces, to those who may only read, and to whoever guesses", async () => {
    const { executionId, links } = await asking();
    const path = `/v1/executions/${executionId}/steps/ask/approve`;
    expect((await theirs.call("POST", path)).status).toBe(404);
    expect((await ours.call("POST", path, { token: ours.member })).status).toBe(403);
    expect((await theirs.call("GET", "/v1/approvals")).body.data).toEqual([]);
    const [token = ""] = pathOf(links.url).split("/").slice(-1);
    const guesses = [
      pathOf(links.url).replace(token, "0".repeat(32)),
      pathOf(links.url).replace("/ask/", "/links/"),
      pathOf(links.url).replace(token, encodeURIComponent("<script>")),
      pathOf(links.url).replace("/v1/approvals/exe_", "/v1/approvals/job_"),
    ];
    for (const guess of guesses) {
      for (const [method, suffix] of [
        ["GET", ""],
        ["POST", "/approve"],
      ] as const) {
        const page = await call(method, guess + suffix);
        expect(page.status).toBe(404);
        expect(page.body).toContain("This link opens nothing");
        expect(page.body).not.toContain("<script>");
      }
    }
    expect((await call("POST", pathOf(links.url).replace("approvals", "callbacks"))).status).toBe(404);
    expect((await read(executionId)).body.status).toBe("waiting");
  });

  it("is decided over the API by those whom it names, and by owners", async () => {
    const { body: carol } = await ours.call("POST", "/v1/tokens", { body: { name: "Carol", role: "admin" } });
    const decide = async (token: string) => {
      const { executionId } = await asking();
      return await ours.call("POST", `/v1/executions/${executionId}/steps/ask/approve`, { token });
    };
    const refused = await decide(carol.token);
    expect(refused).toMatchObject({ status: 403, body: { error: { code: "forbidden" } } });
    expect(refused.body.error.message).toMatch(/is for Ada, Admin to decide\. The token "Carol" is none of them/);
    expect(refused.body.error.details).toEqual({ step: "ask", approvers: ["Ada", "Admin"] });
    expect((await decide(ours.admin)).status).toBe(200);
    expect((await decide(ours.owner)).status).toBe(200);
  });

  it("gives its link to owners only, in an execution and in every list", async () => {
    const ask = { ...ASK, message: "Decide: {{approvals.ask.url}}" };
    const { executionId, links } = await park(ours, LINKS, ask);
    const secret = pathOf(links.url).split("/").at(-1) ?? "";
    const own = (page: Reply) =>
      page.body.data.filter((item: { execution_id: string }) => item.execution_id === executionId);
    await eventually(
      () => ours.call("GET", "/v1/approvals"),
      (page) => own(page).length === 1,
    );
    const texts = async (token: string) => {
      const shown = await ours.call("GET", `/v1/executions/${executionId}`, { token });
      expect(shown.status).toBe(200);
      const listed = await ours.call("GET", "/v1/approvals", { token });
      return [JSON.stringify(shown.body), JSON.stringify(own(listed))];
    };
    for (const text of await texts(ours.owner)) expect(text).toContain(secret);
    for (const token of [ours.admin, ours.member]) {
      for (const text of await texts(token)) {
        expect(text).not.toContain(secret);
        expect(text).toContain("/ask/[secret]");
      }
    }
    const cancelled = await ours.call("POST", `/v1/executions/${executionId}/cancel`, { token: ours.admin });
    expect(JSON.stringify(cancelled.body)).not.toContain(secret);
  });

  it("shows no link through the error of an execution, in a list or in its job", async () => {
    const { executionId, jobId, links } = await asking();
    const path = `/v1/executions/${executionId}/steps/ask/reject`;
    expect((await ours.call("POST", path, { body: { comment: `Not here: ${links.url}` } })).status).toBe(200);
    const list = (token: string) => ours.call("GET", "/v1/executions?status=failed", { token });
    const isListed = (page: Reply) => page.body.data.some((item: { id: string }) => item.id === executionId);
    await eventually(() => list(ours.owner), isListed);
    const { body } = await list(ours.member);
    const { error } = body.data.find((item: { id: string }) => item.id === executionId);
    expect(error.message).toContain("/ask/[secret]");
    const job = await ours.call("GET", `/v1/jobs/${jobId}`, { token: ours.member });
    expect(job.body.last_execution.error).toEqual(error);
  });
});
