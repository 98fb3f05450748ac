/** The actor's SQLite: whatever the engine comes to, what was saved is what is loaded. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { JobStore, readSlots } from "../../../src/actors/job/jobStore.ts";
import type { AttemptWork } from "../../../src/domain/engine/claim.ts";
import { owedHistory } from "../../../src/domain/engine/control.ts";
import { EngineDriver, makeJob, START } from "../../../src/domain/engine/engine.fixture.ts";
import type { Command, JobState } from "../../../src/domain/engine/state.ts";
import { nextWakeMs } from "../../../src/domain/engine/timers.ts";
import { newId, jobKey } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { createChance, seedOf } from "../../support/random.ts";

const SEED = seedOf(undefined);
const ACTIONS = [
  "wake", "wake", "claim", "claim", "finish", "retry", "edit", "trigger", "delay", "repeat", "cancel", "confirm",
] as const; // prettier-ignore

async function withEmptyStorage(run: (storage: DurableObjectStorage) => void): Promise<void> {
  const stub = env.JOB_ACTOR.getByName(jobKey(newId("job", START, Math.random)));
  await runInDurableObject(stub, (_, { storage }) => run(storage));
}

/** Maps compare without order, and the order of the live ones is the order of their slots. */
function comparable(state: JobState | null) {
  return state && { ...state, order: [...state.live.keys()] };
}

/** What the rows of one job hold of executions. */
function charactersIn(storage: DurableObjectStorage, slot = 0): number {
  const rows = readSlots(storage.sql, { read: 0, written: 0 }).get(slot) ?? [];
  return rows.reduce((sum, { part, text }) => sum + (part === "definitions" ? 0 : (text?.length ?? 0)), 0);
}

function renamed(job: Job, name: string): Job {
  return { ...job, version: job.version + 1, name };
}

/** A job with something in every table, saved in a slot; the returned check fails unless all of it is there. */
function liveIn(storage: DurableObjectStorage, slot: number): () => void {
  const engine = new EngineDriver(makeJob({ concurrencyLimit: 3 }));
  for (let run = 0; run < 4; run++) {
    engine.trigger({ id: `exe_${slot}_${run}`, dedupe: { key: `k${run}`, windowMs: 300_000 } }, START);
  }
  const [message] = engine.takeDispatches();
  engine.finish(engine.mustClaim(message, START), START);
  new JobStore(storage, { read: 0, written: 0 }, slot).save(engine.state, {
    changes: engine.takeKeyChanges(),
    nowMs: START,
  });
  return () => {
    const store = new JobStore(storage, { read: 0, written: 0 }, slot);
    expect(comparable(store.load()), `slot ${slot}`).toEqual(comparable(engine.state));
    const known = [...engine.known].map(([key, { executionId, untilMs }]) => [key, { executionId, untilMs }]);
    expect([...store.lookUp([...engine.known.keys()])]).toEqual(known);
  };
}

describe("the store", () => {
  it("holds no job before the first save", async () => {
    await withEmptyStorage((storage) => {
      expect(new JobStore(storage, { read: 0, written: 0 }).load()).toBeNull();
    });
  });

  it.each([
    ["in an object of its own", 0],
    ["between two neighbours", 2],
  ])(`loads what was saved, after every step of a long random life (seed ${SEED}), %s`, async (_where, slot) => {
    await withEmptyStorage((storage) => {
      const neighbours = slot === 0 ? [] : [slot - 1, slot + 1].map((other) => liveIn(storage, other));
      const chance = createChance(SEED);
      let job: Job = makeJob({ concurrencyLimit: 3, misfirePolicy: "catch_up" });
      const engine = new EngineDriver(job);
      let kept = { characters: 0 };
      let store = new JobStore(storage, { read: 0, written: 0 }, slot, kept);
      let nowMs = START;
      const messages: Extract<Command, { type: "dispatch" }>[] = [];
      const claimed: AttemptWork[] = [];
      for (let step = 0; step < 400; step++) {
        switch (chance.pick(ACTIONS)) {
          case "wake":
            nowMs = Math.max(nowMs, nextWakeMs(engine.state) ?? nowMs);
            engine.tick(nowMs);
            break;
          case "claim": {
            const message = messages.shift();
            const work = message && engine.claim(message, nowMs);
            if (work && typeof work !== "string") claimed.push(work);
            break;
          }
          case "finish": {
            const work = claimed.shift();
            if (work) engine.finish(work, nowMs, { type: "succeed", output: { n: step } }, chance.next() < 0.5);
            break;
          }
          case "retry": {
            const work = claimed.shift();
            if (work) engine.finish(work, nowMs, { type: "retry", delayMs: 5_000 }, false);
            break;
          }
          case "edit":
            job = renamed(job, `name ${step}`);
            engine.send<"apply">({ type: "apply", job }, nowMs);
            break;
          case "trigger":
            engine.trigger({ id: `exe_${step}` }, nowMs);
            break;
          case "delay":
            engine.trigger({ id: `exe_${step}`, delayUntilMs: nowMs + 90_000, ttlMs: 60_000 }, nowMs);
            break;
          case "repeat":
            engine.trigger({ id: `exe_${step}`, dedupe: { key: `k${step % 5}`, windowMs: 300_000 } }, nowMs);
            break;
          case "cancel": {
            const [executionId] = engine.state.live.keys();
            if (executionId) engine.send<"cancel">({ type: "cancel", executionId }, nowMs);
            break;
          }
          case "confirm": {
            const confirmed = owedHistory(engine.state).map(({ execution: { id, rev } }) => ({ id, rev }));
            engine.send<"confirm">({ type: "confirm", confirmed: chance.shuffle(confirmed).slice(0, 3) }, nowMs);
            break;
          }
        }
        messages.push(...engine.takeDispatches());
        store.save(engine.state, { changes: engine.takeKeyChanges(), nowMs });
        const loadedKept = { characters: 0 };
        const reader = new JobStore(storage, { read: 0, written: 0 }, slot, loadedKept);
        const loaded = reader.load();
        expect(comparable(loaded), `step ${step}`).toEqual(comparable(engine.state));
        const characters = charactersIn(storage, slot);
        expect([kept.characters, loadedKept.characters], `step ${step}`).toEqual([characters, characters]);
        const valid = [...engine.known].filter(([, { untilMs }]) => untilMs > nowMs);
        const known = reader.lookUp(valid.map(([key]) => key));
        expect([...known].map(([key, { executionId }]) => [key, executionId]).toSorted()).toEqual(
          valid.map(([key, { executionId }]) => [key, executionId]).toSorted(),
        );
        // Sometimes the one that loaded goes on, as after an eviction.
        if (loaded && chance.next() < 0.3) {
          store = reader;
          kept = loadedKept;
          engine.state = loaded;
        }
      }
      for (const check of neighbours) check();
      store.erase();
      expect(kept.characters).toBe(0);
      expect(new JobStore(storage, { read: 0, written: 0 }, slot).load()).toBeNull();
      for (const check of neighbours) check();
    });
  });

  it("knows how much it keeps after a save that failed, from what was saved before", async () => {
    await withEmptyStorage((storage) => {
      const kept = { characters: 0 };
      const store = new JobStore(storage, { read: 0, written: 0 }, 0, kept);
      const engine = new EngineDriver();
      for (const id of ["exe_1", "exe_2"]) engine.trigger({ id, input: "x".repeat(100) }, START);
      store.save(engine.state);
      const before = kept.characters;
      for (const id of ["exe_3", "exe_4"]) engine.trigger({ id, input: "x".repeat(100) }, START);
      const failing = vi.spyOn(storage, "transactionSync").mockImplementation(() => {
        throw new Error("SQLITE_FULL");
      });
      expect(() => store.save(engine.state)).toThrow("SQLITE_FULL");
      failing.mockRestore();
      store.load();
      expect([kept.characters, charactersIn(storage)]).toEqual([before, before]);
    });
  });

  it("writes one row for each event of a job that runs one execution at a time, and none for no change", async () => {
    await withEmptyStorage((storage) => {
      const counts = { read: 0, written: 0 };
      const store = new JobStore(storage, counts);
      const engine = new EngineDriver();
      const rowsOf = (act: () => void): number => {
        const before = counts.written;
        act();
        store.save(engine.state);
        return counts.written - before;
      };
      rowsOf(() => {});
      expect(rowsOf(() => {})).toBe(0);
      let nowMs = START;
      for (let fire = 1; fire <= 3; fire++) {
        nowMs = START + fire * 60_000;
        expect(rowsOf(() => engine.tick(nowMs))).toBe(1);
        const [message] = engine.takeDispatches();
        let work: AttemptWork | undefined;
        expect(rowsOf(() => (work = engine.mustClaim(message, nowMs)))).toBe(1);
        expect(rowsOf(() => work && engine.finish(work, nowMs))).toBe(1);
      }
    });
  });

  it("keeps the number of executions at no row of its own, unless the newest one of several ends first", async () => {
    await withEmptyStorage((storage) => {
      const counts = { read: 0, written: 0 };
      const store = new JobStore(storage, counts);
      const engine = new EngineDriver(
        makeJob({ schedule: { kind: "scheduled", runAtMs: START - 1 }, concurrencyLimit: 3 }),
      );
      const rowsOf = (act: () => void): number => {
        const before = counts.written;
        act();
        store.save(engine.state);
        const total = new JobStore(storage, { read: 0, written: 0 }).load()?.created;
        expect(total).toBe(engine.state.created);
        return counts.written - before;
      };
      rowsOf(() => {});
      const ids = ["exe_1", "exe_2", "exe_3"];
      expect(ids.map((id) => rowsOf(() => engine.trigger({ id }, START)))).toEqual([1, 1, 1]);
      const rowsOfEnd = (message: Command | undefined): number => {
        const work = message?.type === "dispatch" ? engine.claim(message, START) : "unknown";
        if (typeof work === "string") throw new Error("a claim was refused");
        rowsOf(() => {});
        return rowsOf(() => engine.finish(work, START + 1));
      };
      const [one, two, three] = engine.takeDispatches();
      // With its row goes what it says, so the hot one says it; the others cost a row each.
      expect([rowsOfEnd(three), rowsOfEnd(two), rowsOfEnd(one)]).toEqual([2, 1, 1]);
      expect(rowsOf(() => engine.trigger({ id: "exe_4" }, START + 2))).toBe(1);
      expect(engine.state.created).toBe(4);
    });
  });

  it("removes keys whose time is over, a few with each that comes, and none that counts", async () => {
    await withEmptyStorage((storage) => {
      const store = new JobStore(storage, { read: 0, written: 0 });
      const engine = new EngineDriver();
      const chance = createChance(SEED);
      const keyAt = (nowMs: number) => ({
        type: "remember" as const,
        key: `event:${Math.floor(chance.next() * 2 ** 50)}`,
        executionId: `exe_${nowMs}`,
        untilMs: nowMs + 100,
      });
      const kept = new Map<string, number>();
      for (let nowMs = START; nowMs < START + 1_000; nowMs += 1) {
        const change = keyAt(nowMs);
        kept.set(change.key, change.untilMs);
        store.save(engine.state, { changes: [change], nowMs });
      }
      const nowMs = START + 999;
      const counting = [...kept].filter(([, untilMs]) => untilMs > nowMs).map(([key]) => key);
      expect([...store.lookUp(counting).keys()].toSorted()).toEqual(counting.toSorted());
      const left = store.lookUp([...kept.keys()]).size;
      expect(left).toBeLessThan(2 * counting.length);
    });
  });
});
