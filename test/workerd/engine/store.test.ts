/** The actor's SQLite: whatever the engine comes to, what was saved is what is loaded. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { JobStore } from "../../../src/actors/job/jobStore.ts";
import type { AttemptWork } from "../../../src/domain/engine/claim.ts";
import { owedHistory } from "../../../src/domain/engine/control.ts";
import { EngineDriver, makeJob, START } from "../../../src/domain/engine/engine.fixture.ts";
import type { Command, JobState } from "../../../src/domain/engine/state.ts";
import { nextWakeMs } from "../../../src/domain/engine/timers.ts";
import { newId, jobKey } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { createChance, seedOf } from "../../support/random.ts";

const SEED = seedOf(undefined);

async function withEmptyStorage(run: (storage: DurableObjectStorage) => void): Promise<void> {
  const stub = env.JOB_ACTOR.getByName(jobKey(newId("job", START, Math.random)));
  await runInDurableObject(stub, (_, { storage }) => run(storage));
}

/** Maps compare without order, and the order of the live ones is the order of their slots. */
function comparable(state: JobState | null) {
  return state && { ...state, order: [...state.live.keys()] };
}

function renamed(job: Job, name: string): Job {
  return { ...job, version: job.version + 1, name };
}

describe("the store", () => {
  it("holds no job before the first save", async () => {
    await withEmptyStorage((storage) => {
      expect(new JobStore(storage, { read: 0, written: 0 }).load()).toBeNull();
    });
  });

  it(`loads what was saved, after every step of a long random life (seed ${SEED})`, async () => {
    await withEmptyStorage((storage) => {
      const chance = createChance(SEED);
      let job: Job = makeJob({ concurrencyLimit: 3, misfirePolicy: "catch_up" });
      const engine = new EngineDriver(job);
      let store = new JobStore(storage, { read: 0, written: 0 });
      let nowMs = START;
      const messages: Extract<Command, { type: "dispatch" }>[] = [];
      const claimed: AttemptWork[] = [];
      for (let step = 0; step < 400; step++) {
        switch (
          chance.pick(["wake", "wake", "claim", "claim", "finish", "retry", "edit", "trigger", "cancel", "confirm"])
        ) {
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
        store.save(engine.state);
        const reader = new JobStore(storage, { read: 0, written: 0 });
        const loaded = reader.load();
        expect(comparable(loaded), `step ${step}`).toEqual(comparable(engine.state));
        // Sometimes the one that loaded goes on, as after an eviction.
        if (loaded && chance.next() < 0.3) {
          store = reader;
          engine.state = loaded;
        }
      }
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
});
