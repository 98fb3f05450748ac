import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { attemptRoom } from "../actors/attemptRoom.ts";
import type { AttemptWork } from "../domain/engine/claim.ts";
import { composeOwnAttempt, takeAttempts } from "./attempts.ts";

const WORK = { executionId: "exe_1" } as AttemptWork;
const MOST = 3;
const underWay = () => MOST - attemptRoom.free(MOST);

function invocation(parts: { most?: string; attempt?: () => Promise<void> } = {}) {
  const held: Promise<unknown>[] = [];
  const made: AttemptWork[] = [];
  const { most = String(MOST), attempt = async () => undefined } = parts;
  const deps = {
    env: most === "" ? {} : { DIRECT_ATTEMPTS_PER_ISOLATE: most },
    waitUntil: (work: Promise<unknown>) => void held.push(work),
    attempt: async (work: AttemptWork) => {
      made.push(work);
      await attempt();
    },
  };
  return { deps, made, settled: () => Promise.all(held), held };
}

const logged: unknown[] = [];
beforeEach(() => {
  logged.length = 0;
  vi.spyOn(console, "error").mockImplementation((line) => void logged.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  expect(underWay()).toBe(0);
});

describe("an invocation's own attempt", () => {
  it("has room from the moment its claim is asked for until it has ended", async () => {
    const claim = Promise.withResolvers<AttemptWork | null>();
    const target = Promise.withResolvers<void>();
    const { deps, made, held, settled } = invocation({ attempt: () => target.promise });
    composeOwnAttempt(deps).begin(claim.promise);
    expect([held.length, underWay(), made.length]).toEqual([1, 1, 0]);
    claim.resolve(WORK);
    await vi.waitFor(() => expect(made).toEqual([WORK]));
    expect(underWay()).toBe(1);
    target.resolve();
    await settled();
  });

  it.each([
    ["there is none", () => Promise.resolve(null)],
    ["asking fails, which whoever asked tells", () => Promise.reject(new Error("Network connection lost."))],
  ])("frees its room when %s", async (_when, claim) => {
    const { deps, made, settled } = invocation();
    const own = composeOwnAttempt(deps);
    own.begin(claim());
    await settled();
    expect([made, logged, own.hasRoom()]).toEqual([[], [], true]);
  });

  it("that fails is told and frees its room", async () => {
    const { deps, settled } = invocation({ attempt: () => Promise.reject(new Error("a bug")) });
    composeOwnAttempt(deps).begin(Promise.resolve(WORK));
    await settled();
    expect(logged).toEqual([expect.stringContaining("attempt.failed")]);
  });

  it("is one at a time, of as many as the isolate may have", async () => {
    const { deps, settled } = invocation({ most: "2" });
    const [own, second, third] = [composeOwnAttempt(deps), composeOwnAttempt(deps), composeOwnAttempt(deps)];
    own.begin(Promise.resolve(WORK));
    expect([own.hasRoom(), second.hasRoom()]).toEqual([false, true]);
    second.begin(Promise.resolve(WORK));
    expect(third.hasRoom()).toBe(false);
    await settled();
    expect([own.hasRoom(), third.hasRoom()]).toEqual([true, true]);
  });

  it.each(["0", ""])("has no room where attempts come from the queue (%j)", (most) => {
    expect(composeOwnAttempt(invocation({ most }).deps).hasRoom()).toBe(false);
  });
});

describe("attempts that are handed over", () => {
  it("are taken all, or none of them where there is no room for all", async () => {
    const { deps, made, settled } = invocation();
    expect(takeAttempts([WORK, WORK, WORK, WORK], deps)).toBe(false);
    expect(takeAttempts([WORK, WORK, WORK], deps)).toBe(true);
    expect([made.length, underWay(), takeAttempts([WORK], deps)]).toEqual([3, 3, false]);
    await settled();
  });

  it("that fail are told and free their room", async () => {
    const { deps, settled } = invocation({ attempt: () => Promise.reject(new Error("a bug")) });
    takeAttempts([WORK, WORK], deps);
    await settled();
    expect(logged).toHaveLength(2);
  });
});
