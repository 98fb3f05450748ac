import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { LinkOutcome } from "../../app/approvals/approvalLink.ts";
import type { ApprovalEnd, ApprovalView } from "../../domain/engine/protocol.ts";
import { approvalPage } from "./approvalPage.ts";

const TOKEN = "5f0c1ad6b3e94c27a8d1f6027be4c935";

function open(changes: Partial<ApprovalView> = {}): LinkOutcome {
  const approval: ApprovalView = {
    executionId: "exe_x",
    jobName: "deploy",
    step: "sign-off",
    message: "Deploy to production?",
    approvers: ["Ada", "Grace"],
    open: true,
    untilMs: Date.UTC(2030, 0, 31, 9),
    ...changes,
  };
  return { type: "open", approval };
}

const AT = Date.UTC(2030, 0, 30, 8);
const NOBODY: ApprovalEnd = { decision: null, by: null, timedOut: false, atMs: AT };

function closed(end: ApprovalView["end"]): LinkOutcome {
  const { approval } = open() as Extract<LinkOutcome, { type: "open" }>;
  return { type: "closed", approval: { ...approval, open: false, ...(end === undefined ? {} : { end }) } };
}

const ALL: readonly LinkOutcome[] = [
  open(),
  { type: "decided", decision: "approve" },
  { type: "decided", decision: "reject" },
  closed({ ...NOBODY, decision: "approved", by: "link" }),
  closed(undefined),
  closed({ ...NOBODY, timedOut: true }),
  closed(NOBODY),
  closed(null),
  { type: "unknown" },
  { type: "unavailable" },
];

describe("the page of an approval that is open", () => {
  it("shows what is to be decided, where, by whom and until when", async () => {
    const { status, body } = await approvalPage(open(), TOKEN, null);
    expect(status).toBe(200);
    for (const part of ["Deploy to production?", "deploy, step sign-off", "Ada, Grace", "2030-01-31 09:00 UTC"]) {
      expect(body).toContain(part);
    }
    expect((await approvalPage(open({ approvers: [], untilMs: null }), TOKEN, null)).body).not.toMatch(
      /Asked|Open until/,
    );
  });

  it("decides by POST only, at addresses below its own", async () => {
    const { body } = await approvalPage(open(), TOKEN, "reject");
    expect(body).toContain(`<form method="post" action="${TOKEN}/approve">`);
    expect(body).toContain(`formaction="${TOKEN}/reject"`);
    expect(body).toContain("following the link decided nothing");
    const page = `https://carillon.test/v1/approvals/exe_x/loop%5B0%5D.ask/${TOKEN}?decision=reject`;
    expect(new URL(`${TOKEN}/reject`, page).pathname).toBe(`/v1/approvals/exe_x/loop%5B0%5D.ask/${TOKEN}/reject`);
    expect(body).not.toMatch(/<a /);
  });

  it("escapes what comes from jobs and from the address", async () => {
    const evil = `<img src=x onerror="alert(1)">`;
    const { body } = await approvalPage(
      open({ message: evil, jobName: evil, step: evil, approvers: [evil] }),
      evil,
      null,
    );
    expect(body).not.toContain("<img");
    expect(body.match(/&lt;img/g)).toHaveLength(4);
  });

  it("names its fields for those who cannot see them", async () => {
    const { body } = await approvalPage(open(), TOKEN, null);
    expect(body).toContain('<html lang="en">');
    expect(body).toMatch(/<label for="comment">.*<\/label>\s*<textarea id="comment"/);
    expect(body).toContain("<title>A decision is needed</title>");
  });
});

describe("the page of an approval that is over", () => {
  const textOf = async (end: ApprovalView["end"]) => (await approvalPage(closed(end), TOKEN, null)).body;

  it("says who decided what, and when", async () => {
    const body = await textOf({ decision: "rejected", by: "Ada (tok_1)", timedOut: false, atMs: AT });
    for (const part of ["Deploy to production?", "Rejected", "Ada (tok_1)", "2030-01-30 08:00 UTC"]) {
      expect(body).toContain(part);
    }
    expect(await textOf({ ...NOBODY, decision: "approved", by: "link" })).toContain("somebody who had this link");
    expect(await textOf({ ...NOBODY, decision: "rejected", timedOut: true })).toContain(
      "because nobody decided in time",
    );
  });

  it("has nothing to press, and names nobody where it was nobody", async () => {
    for (const end of [NOBODY, { ...NOBODY, timedOut: true }, null, undefined]) {
      expect(await textOf(end)).not.toMatch(/<form|<button|<dt>By/);
    }
  });
});

describe("every page of an approval", () => {
  it("says in its status and its words what is the case", async () => {
    const pages = await Promise.all(ALL.map((outcome) => approvalPage(outcome, TOKEN, null)));
    const titles = pages.map(({ status, body }) => [status, /<h1>(.*)<\/h1>/.exec(body)?.[1]]);
    expect(titles).toEqual([
      [200, "A decision is needed"],
      [200, "Approved"],
      [200, "Rejected"],
      [410, "This was decided already"],
      [410, "This was decided already"],
      [410, "The time for this is over"],
      [410, "This has ended without a decision"],
      [409, "There is nothing to decide yet"],
      [404, "This link opens nothing"],
      [503, "Not just now"],
    ]);
    expect(pages.at(-1)?.headers["retry-after"]).toBe("5");
  });

  it("runs nothing, loads nothing, is kept nowhere and tells its address to nobody", async () => {
    for (const outcome of ALL) {
      const { body, headers } = await approvalPage(outcome, TOKEN, null);
      expect(body).not.toMatch(/<script|<link|<img|@import|url\(|\son\w+=/);
      const style = /<style>([^]*)<\/style>/.exec(body)?.[1] ?? "";
      const hash = createHash("sha256").update(style).digest("base64");
      expect(headers["content-security-policy"]).toBe(
        `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
      );
      expect(headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-frame-options": "DENY",
        "x-robots-tag": "noindex, nofollow",
      });
    }
  });
});
