import { beforeEach, describe, expect, it } from "vitest";
import type { HistoryEntry } from "../../domain/engine/protocol.ts";
import type { History } from "../ports.ts";
import { groupCommit } from "./groupCommit.ts";

/** What is recorded is of no interest to the grouping. */
const entry = (id: string) => ({ execution: { id }, completesJob: false }) as HistoryEntry;

let nowMs: number;
let writes: { ids: string[]; end: (recorded: boolean) => void }[];
let grouped: History;

beforeEach(() => {
  nowMs = 0;
  writes = [];
  grouped = groupCommit(
    {
      record: (entries) => {
        const { promise, resolve } = Promise.withResolvers<boolean>();
        writes.push({ ids: entries.map(({ execution }) => execution.id), end: resolve });
        return promise;
      },
    },
    { now: () => nowMs },
  );
});

const turn = () => new Promise((resolve) => setImmediate(resolve));
const written = () => writes.map(({ ids }) => ids);

describe("groupCommit", () => {
  it("writes a lone record at once", async () => {
    const recorded = grouped.record([entry("a")]);
    await turn();
    expect(written()).toEqual([["a"]]);
    writes[0]?.end(true);
    expect(await recorded).toBe(true);
  });

  it("writes what comes in one turn of the event loop together", async () => {
    const recorded = [grouped.record([entry("a")]), grouped.record([entry("b"), entry("c")])];
    await turn();
    expect(written()).toEqual([["a", "b", "c"]]);
    writes[0]?.end(true);
    expect(await Promise.all(recorded)).toEqual([true, true]);
  });

  it("gathers while a write is under way, and tells each group how its own write ended", async () => {
    const first = grouped.record([entry("a")]);
    await turn();
    const second = [grouped.record([entry("b")]), grouped.record([entry("c")])];
    await turn();
    expect(written()).toEqual([["a"]]);
    writes[0]?.end(false);
    await turn();
    expect(written()).toEqual([["a"], ["b", "c"]]);
    writes[1]?.end(true);
    expect([await first, ...(await Promise.all(second))]).toEqual([false, true, true]);
    const third = grouped.record([entry("d")]);
    await turn();
    writes[2]?.end(true);
    expect(await third).toBe(true);
  });

  it("leaves a write whose invocation was cut off: those that joined are told, and the next ones go on", async () => {
    void grouped.record([entry("cut off")]);
    const joined = grouped.record([entry("joined")]);
    await turn();
    const waiting = grouped.record([entry("waiting")]);
    nowMs = 7_001;
    const next = grouped.record([entry("next")]);
    expect(await joined).toBe(false);
    await turn();
    // The group that had gathered meanwhile is as old, so the newcomer does not rely on it either.
    expect(written()).toEqual([["cut off", "joined"], ["waiting"], ["next"]]);
    writes[1]?.end(true);
    writes[2]?.end(true);
    expect([await waiting, await next]).toEqual([true, true]);
  });

  it("takes a write for under way until it is older than any write may be", async () => {
    void grouped.record([entry("slow")]);
    await turn();
    nowMs = 7_000;
    void grouped.record([entry("waiting")]);
    await turn();
    expect(written()).toEqual([["slow"]]);
  });
});
