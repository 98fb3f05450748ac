import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Token } from "../domain/workspace/workspace.ts";
import { TokenCache, authenticate } from "./authenticate.ts";
import { digestsEqual } from "../domain/constantTime.ts";
import { readToken } from "./credentials.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("readToken", () => {
  it.each([
    [{ authorization: "Bearer abc" }, "abc"],
    [{ authorization: "bearer  abc " }, "abc"],
    [{ "x-api-key": "abc" }, "abc"],
    [{ authorization: "Bearer abc", "x-api-key": "abc" }, "abc"],
  ])("reads %j", (headers, token) => {
    expect(readToken(new Headers(headers))).toEqual({ ok: true, value: token });
  });

  it.each([
    [{}, "missing"],
    [{ authorization: "Bearer abc", "x-api-key": "abd" }, "contradictory"],
    [{ authorization: "Basic abc" }, "malformed"],
    [{ authorization: "Bearer a b" }, "malformed"],
    [{ authorization: "Basic abc", "x-api-key": "abc" }, "malformed"],
    [{ "x-api-key": " " }, "malformed"],
    [{ "x-api-key": "x".repeat(513) }, "malformed"],
  ])("refuses %j as %s", (headers: Record<string, string>, error) => {
    expect(readToken(new Headers(headers))).toEqual({ ok: false, error });
  });
});

describe("digestsEqual", () => {
  it("tells equal digests from others", () => {
    expect(digestsEqual(sha256("a"), sha256("a"))).toBe(true);
    expect(digestsEqual(sha256("a"), sha256("b"))).toBe(false);
    expect(digestsEqual("aa", "aaa")).toBe(false);
  });
});

describe("authenticate", () => {
  const token: Token = {
    id: "tok_1",
    workspaceId: "wks_1",
    name: "ci",
    role: "admin",
    hash: sha256("secret"),
    prefix: "secret",
    createdAtMs: 0,
  };

  function lookup(stored: Token | null = token) {
    let nowMs = 1_000;
    let reads = 0;
    return {
      clock: { now: () => nowMs },
      digest: async (text: string) => sha256(text),
      adminToken: "operator",
      tokens: {
        findByHash: async (hash: string) => {
          reads += 1;
          return stored?.hash === hash ? stored : null;
        },
      },
      reads: () => reads,
      pass: (ms: number) => (nowMs += ms),
    };
  }

  it("knows the operator, tokens, and nobody else", async () => {
    const deps = lookup();
    expect(await authenticate("operator", deps, new TokenCache())).toEqual({ type: "operator" });
    expect(await authenticate("secret", deps, new TokenCache())).toEqual({ type: "token", token });
    expect(await authenticate("other", deps, new TokenCache())).toBeNull();
  });

  it("takes no token for the operator's when none is configured", async () => {
    expect(await authenticate("", { ...lookup(), adminToken: null }, new TokenCache())).toBeNull();
  });

  it("reads a token once while calls come in a burst, and again after five seconds", async () => {
    const deps = lookup();
    const cache = new TokenCache();
    await authenticate("secret", deps, cache);
    deps.pass(4_999);
    await authenticate("secret", deps, cache);
    expect(deps.reads()).toBe(1);
    deps.pass(1);
    await authenticate("secret", deps, cache);
    expect(deps.reads()).toBe(2);
  });

  it("forgets a deleted token at once", async () => {
    const deps = lookup();
    const cache = new TokenCache();
    await authenticate("secret", deps, cache);
    cache.forget("tok_1");
    await authenticate("secret", deps, cache);
    expect(deps.reads()).toBe(2);
  });

  it("remembers no token that was refused", async () => {
    const deps = lookup(null);
    const cache = new TokenCache();
    await authenticate("secret", deps, cache);
    await authenticate("secret", deps, cache);
    expect(deps.reads()).toBe(2);
  });
});
