import { describe, expect, it } from "vitest";
import { aJob, anExecution, aStepRecord, aWorkflow } from "../../../test/workerd/db/builders.ts";
import { NO_START_OPTIONS } from "../../domain/execution/execution.ts";
import type { JsonValue } from "../../domain/json.ts";
import { approvalUrls, callbackUrl } from "../../domain/workflow/links.ts";
import type { Role } from "../../domain/workspace/workspace.ts";
import { maskLinks } from "./maskLinks.ts";

const LINK = { publicUrl: "https://carillon.test", executionId: `exe_${"0".repeat(32)}`, key: "key" };

function masked(input: JsonValue, role: Role = "member"): JsonValue | undefined {
  const workflow = aWorkflow({ steps: [aStepRecord({ input })] });
  return maskLinks(anExecution(aJob(), { workflow }), role).workflow?.steps[0]?.input;
}

describe("maskLinks", () => {
  it("takes the token out of every link that the engine makes", () => {
    const urls = approvalUrls(LINK, "loop[3].ask");
    const callback = callbackUrl(LINK, "cond.then.wait");
    expect(masked([urls, callback])).toEqual([
      {
        url: `https://carillon.test/v1/approvals/${LINK.executionId}/loop%5B3%5D.ask/[secret]`,
        approve_url: `https://carillon.test/v1/approvals/${LINK.executionId}/loop%5B3%5D.ask/[secret]?decision=approve`,
        reject_url: `https://carillon.test/v1/approvals/${LINK.executionId}/loop%5B3%5D.ask/[secret]?decision=reject`,
      },
      `https://carillon.test/v1/callbacks/${LINK.executionId}/cond.then.wait/[secret]`,
    ]);
  });

  it("takes it out of texts, names of fields, and other addresses", () => {
    const url = callbackUrl(LINK, "wait");
    const token = url.slice(url.lastIndexOf("/") + 1);
    const inside = masked({ [url]: `Call ${url}, or ${url}!`, url: `https://x.test/?to=${encodeURIComponent(url)}` });
    expect(JSON.stringify(inside)).not.toContain(token);
    expect(JSON.stringify(inside).match(/\[secret\]/g)).toHaveLength(4);
  });

  it("takes it out of a link that a text was cut off in, however little of it is left", () => {
    const url = callbackUrl(LINK, "wait");
    for (let left = 1; left <= 32; left++) {
      const shown = masked(`Expected "x", got "${url.slice(0, url.length - 32 + left)}…"`);
      expect(shown).toBe(`Expected "x", got "${url.slice(0, -32)}[secret]…"`);
    }
  });

  it("leaves everything else as it is, and a plain execution untouched", () => {
    const input = { digest: "5f0c1ad6b3e94c27a8d1f6027be4c935", url: "https://x.test/v1/callbacks" };
    expect(masked(input)).toEqual(input);
    const plain = anExecution(aJob());
    expect(maskLinks(plain, "member")).toBe(plain);
  });

  it.each([
    ["member", [true, true]],
    ["admin", [false, true]],
    ["owner", [false, false]],
  ] as const)("masks for %s what that role may not do: resume, decide", (role, expected) => {
    const given = [callbackUrl(LINK, "wait"), approvalUrls(LINK, "ask").url];
    const shown = masked(given, role) as string[];
    expect(shown.map((url) => url.endsWith("/[secret]"))).toEqual(expected);
    expect(shown.filter((url) => given.includes(url))).toHaveLength(expected.filter((isMasked) => !isMasked).length);
  });

  it("takes it out of the input of a plain job, which an execution may have handed on to its child", () => {
    const url = callbackUrl(LINK, "wait");
    const plain = anExecution(aJob(), { start: { ...NO_START_OPTIONS, input: { back: url } } });
    expect(maskLinks(plain, "member").start?.input).toEqual({ back: url.replace(/[^/]+$/, "[secret]") });
  });

  it("takes no longer for a text that is nothing but beginnings of links", () => {
    const text = "v1%2fcallbacks%2fexe_a%2f".repeat(20_000);
    expect(masked(text)).toBe(text);
  });
});
