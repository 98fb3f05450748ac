/** What starts an execution by request, what is refused, and what starts nothing because it did before. */

import { describe, expect, it } from "vitest";
import type { ExecutionSource } from "../execution/execution.ts";
import { http, workflowJob } from "../workflow/workflow.fixture.ts";
import { owedHistory } from "./control.ts";
import { CHILD_REMEMBERED_MS, idempotencyKey } from "./dedupe.ts";
import { EngineDriver, makeJob, MINUTE, START } from "./engine.fixture.ts";
import { loadOf } from "./load.ts";
import { PLAIN_INPUT_BYTES_MOST } from "./start.ts";

const QUIET = makeJob({ schedule: { kind: "scheduled", runAtMs: START - 1 } });

const needsWho = makeJob({
  schedule: { kind: "workflow", timing: null },
  steps: [{ type: "transform", id: "a", name: null, when: null, onError: "fail", value: 1 }],
  inputSchema: { type: "object", required: ["who"] },
});

describe("an input_schema", () => {
  const start = (source: ExecutionSource, input?: { who: string }) => {
    const engine = new EngineDriver(needsWho);
    const asked = input === undefined ? {} : { input };
    return engine.trigger({ id: "exe_x", source, ...asked }, START);
  };

  it("refuses a run without what it requires, by name, whoever asks for it", () => {
    for (const source of ["manual", "api", "job"] as const) {
      expect(start(source)).toEqual({
        ok: false,
        error: { invalidInput: [{ path: "input.who", message: "is required" }] },
      });
      expect(start(source, { who: "Ann" }).ok).toBe(true);
    }
  });

  it("is not held against what came with a webhook, nor against a replay", () => {
    expect(start("webhook").ok).toBe(true);
    expect(start("replay").ok).toBe(true);
  });
});

describe("an object without room", () => {
  const full = (job = QUIET) => {
    const engine = new EngineDriver(job);
    engine.trigger({ id: "exe_first", dedupe: { key: "k", windowMs: MINUTE } }, START);
    engine.room = 0;
    return engine;
  };
  const refused = { ok: false, error: "backlog_full" };

  it("refuses whatever is asked for, whoever asks, and changes nothing", () => {
    const engine = full();
    const before = engine.state;
    for (const source of ["manual", "api", "replay", "webhook"] as const) {
      expect(engine.trigger({ id: "exe_x", source }, START)).toEqual(refused);
    }
    const parent = { executionId: "exe_p", step: "s", depth: 1, waits: true };
    expect(engine.trigger({ id: "exe_x", source: "job", parent }, START)).toEqual(refused);
    expect(engine.state).toBe(before);
  });

  it("says of what was started before that it was", () => {
    const engine = full();
    const again = { ok: false, error: { duplicateOf: "exe_first", execution: { id: "exe_first" } } };
    expect(engine.trigger({ id: "exe_first" }, START)).toMatchObject(again);
    expect(engine.trigger({ id: "exe_x", dedupe: { key: "k", windowMs: MINUTE } }, START + 1)).toMatchObject(again);
  });

  it("goes on with what a schedule fires, and with what is live", () => {
    const engine = full(makeJob({ concurrencyLimit: 2 }));
    const first = engine.mustClaim(engine.takeDispatches()[0], START);
    expect(engine.finish(first, START + 1, { type: "retry", delayMs: MINUTE })).toBe(true);
    const nowMs = START + MINUTE + 1;
    engine.tick(nowMs);
    const messages = engine.takeDispatches();
    expect(messages).toHaveLength(2);
    for (const message of messages) engine.finish(engine.mustClaim(message, nowMs), nowMs);
    expect(engine.state.live.size).toBe(0);
  });

  it("refuses those of many that come when what came before has filled it, and takes each again once there is room", () => {
    const engine = new EngineDriver(QUIET);
    engine.room = 1_000;
    const starts = ["a", "b", "a", "c"].map(
      (id) => ({ id, source: "api", replayedFrom: null, input: "x".repeat(600) }) as const,
    );
    const startAll = () => {
      const answers = engine.send<"trigger">({ type: "trigger", starts }, START);
      return answers.map((answer) => {
        if (answer.ok) return "started";
        return answer.error === "backlog_full" ? answer.error : "duplicate";
      });
    };
    // The second one begins within the room, and exceeds it.
    expect(startAll()).toEqual(["started", "started", "duplicate", "backlog_full"]);
    engine.room = 1;
    expect(startAll()).toEqual(["duplicate", "duplicate", "duplicate", "started"]);
  });

  it("counts what came with a webhook as what somebody chose", () => {
    const engine = new EngineDriver(workflowJob([http("a")]));
    engine.room = 100;
    const starts = ["a", "b"].map(
      (id) => ({ id, source: "replay", replayedFrom: null, triggerInput: { body: "x".repeat(200) } }) as const,
    );
    const [first, second] = engine.send<"trigger">({ type: "trigger", starts }, START);
    expect([first?.ok, second]).toEqual([true, refused]);
  });
});

describe("the options of a start", () => {
  const optionsOf = (asked: Parameters<EngineDriver["trigger"]>[0], job = QUIET) => {
    const started = new EngineDriver(job).trigger(asked, START);
    return started.ok ? started.value.start : started.error;
  };

  it("are kept with the execution, and are nothing where nothing was asked for", () => {
    expect(optionsOf({ id: "exe_x" })).toBeNull();
    expect(optionsOf({ id: "exe_x", input: { a: 1 }, maxAttempts: 2, batchId: "batch_1" })).toEqual({
      input: { a: 1 },
      ttlMs: null,
      maxAttempts: 2,
      concurrencyKey: null,
      idempotencyKey: null,
      batchId: "batch_1",
      bulkActionId: null,
    });
  });

  it("leave the input of a job with steps where its templates look for it", () => {
    const started = new EngineDriver(workflowJob([http("a")])).trigger({ id: "exe_x", input: { a: 1 } }, START);
    expect(started).toMatchObject({ ok: true, value: { start: null, workflow: { input: { a: 1 } } } });
  });

  it("have no input where a run_job step named none, so that nothing is sent for it", () => {
    expect(optionsOf({ id: "exe_x", source: "job", input: {} })).toBeNull();
    expect(optionsOf({ id: "exe_x", source: "job", input: { a: 1 } })).toMatchObject({ input: { a: 1 } });
    expect(optionsOf({ id: "exe_x", input: {} })).toMatchObject({ input: {} });
  });

  it("are refused where they make no sense, each by name", () => {
    const asked = { maxAttempts: 101, ttlMs: 0, concurrencyKey: "", delayUntilMs: START + 366 * 24 * 60 * MINUTE };
    const refused = optionsOf({ id: "exe_x", ...asked, input: "x".repeat(PLAIN_INPUT_BYTES_MOST) });
    expect(refused).toMatchObject({
      invalidInput: ["max_attempts", "ttl_seconds", "run_at", "concurrency_key", "input"].map((path) => ({ path })),
    });
  });

  it("give every claim its number of attempts, and other executions theirs", () => {
    for (const job of [QUIET, workflowJob([http("a")])]) {
      const engine = new EngineDriver({ ...job, concurrencyLimit: 2 });
      engine.trigger({ id: "exe_x", maxAttempts: 7 }, START);
      engine.trigger({ id: "exe_y" }, START);
      const [x, y] = engine.takeDispatches().map((message) => engine.mustClaim(message, START + 1));
      expect([x?.target.retryPolicy.maxAttempts, y?.target.retryPolicy.maxAttempts]).toEqual([7, 3]);
    }
  });
});

describe("a key", () => {
  const idempotency = { dedupe: { key: "k", windowMs: MINUTE, kind: "idempotency" as const } };

  it("answers within its window with the first execution, live or owed, and with its id when it is gone", () => {
    const engine = new EngineDriver(QUIET);
    engine.trigger({ id: "exe_1", ...idempotency }, START);
    const again = (atMs: number) => engine.trigger({ id: "exe_2", ...idempotency }, atMs);
    expect(again(START + 1)).toMatchObject({ error: { duplicateOf: "exe_1", execution: { status: "queued" } } });
    engine.send<"cancel">({ type: "cancel", executionId: "exe_1" }, START + 2);
    expect(again(START + 3)).toMatchObject({ error: { duplicateOf: "exe_1", execution: { status: "cancelled" } } });
    const confirmed = owedHistory(engine.state).map(({ execution: { id, rev } }) => ({ id, rev }));
    engine.send<"confirm">({ type: "confirm", confirmed }, START + 4);
    expect(again(START + 5)).toEqual({ ok: false, error: { duplicateOf: "exe_1", execution: null } });
    expect(again(START + MINUTE).ok).toBe(true);
  });

  it("of an event, of a caller and of a child are three different ones", () => {
    const engine = new EngineDriver(QUIET);
    const parent = { executionId: "exe_p", step: "s", depth: 1, waits: false };
    expect(engine.trigger({ id: "k", dedupe: { key: "k", windowMs: MINUTE } }, START).ok).toBe(true);
    expect(engine.trigger({ id: "exe_2", ...idempotency }, START).ok).toBe(true);
    expect(engine.trigger({ id: "exe_3", dedupe: { key: "k", windowMs: MINUTE, kind: "event" } }, START).ok).toBe(
      false,
    );
    expect(engine.trigger({ id: "exe_4", source: "job", parent }, START).ok).toBe(true);
    expect([...engine.known.keys()]).toEqual(["event:k", "idempotency:k", "child:exe_4"]);
  });

  it("starts one execution where one call names it twice", () => {
    const engine = new EngineDriver(QUIET);
    const start = { source: "api", replayedFrom: null, ...idempotency } as const;
    const starts = [
      { ...start, id: "exe_1" },
      { ...start, id: "exe_2" },
    ];
    const answers = engine.send<"trigger">({ type: "trigger", starts }, START);
    expect(answers).toMatchObject([{ ok: true }, { ok: false, error: { duplicateOf: "exe_1" } }]);
    expect(engine.state.live.size).toBe(1);
  });

  it("that was forgotten starts a new one", () => {
    const engine = new EngineDriver(QUIET);
    const forget = (atMs: number) => engine.send<"forget_key">({ type: "forget_key", key: idempotencyKey("k") }, atMs);
    expect(forget(START)).toBe(false);
    engine.trigger({ id: "exe_1", ...idempotency }, START);
    expect(forget(START + 1)).toBe(true);
    expect(engine.trigger({ id: "exe_2", ...idempotency }, START + 2).ok).toBe(true);
    expect(forget(START + 2 * MINUTE)).toBe(false);
  });

  it("of a start that was refused is not remembered", () => {
    const engine = new EngineDriver(QUIET);
    expect(engine.trigger({ id: "exe_1", maxAttempts: 0, ...idempotency }, START).ok).toBe(false);
    expect(engine.trigger({ id: "exe_2", ...idempotency }, START).ok).toBe(true);
  });

  it("keeps a child that was cancelled before it came from starting, for a day", () => {
    const engine = new EngineDriver(QUIET);
    engine.send<"cancel_child">({ type: "cancel_child", executionId: "exe_c" }, START);
    const parent = { executionId: "exe_p", step: "s", depth: 1, waits: true };
    const start = (atMs: number) => engine.trigger({ id: "exe_c", source: "job", parent }, atMs);
    expect(start(START + 1)).toMatchObject({ error: { duplicateOf: "exe_c" } });
    expect(start(START + CHILD_REMEMBERED_MS).ok).toBe(true);
  });
});

describe("the number of executions", () => {
  const totalOf = (engine: EngineDriver) => loadOf(engine.state, START).total;

  it("counts whatever was created: fires, also those that were skipped, starts, and no duplicate", () => {
    const engine = new EngineDriver(makeJob({ overlapPolicy: "skip" }));
    engine.tick(START + MINUTE);
    engine.tick(START + 2 * MINUTE);
    expect([totalOf(engine), engine.state.live.size]).toEqual([2, 1]);
    engine.trigger({ id: "exe_x" }, START + 2 * MINUTE);
    engine.trigger({ id: "exe_x" }, START + 2 * MINUTE);
    expect(totalOf(engine)).toBe(3);
  });

  it("counts a fire once whose announcement was lost", () => {
    const engine = new EngineDriver();
    const saved = engine.state;
    engine.tick(START + MINUTE);
    engine.state = saved;
    engine.tick(START + MINUTE + 5);
    expect(totalOf(engine)).toBe(1);
  });

  it("of a job that an earlier release ran is not known until somebody has counted, and then for good", () => {
    const engine = new EngineDriver(QUIET);
    // As an actor is loaded whose rows had places up to 4 and no number.
    engine.state = { ...engine.state, created: 4, createdBefore: null };
    engine.trigger({ id: "exe_x" }, START);
    expect(loadOf(engine.state, START + 7)).toMatchObject({
      total: null,
      uncounted: { atMs: START + 7, created: 5, live: ["exe_x"] },
    });
    engine.send<"count_earlier">({ type: "count_earlier", count: 20 }, START);
    engine.send<"count_earlier">({ type: "count_earlier", count: 99 }, START);
    engine.trigger({ id: "exe_y" }, START);
    expect(loadOf(engine.state, START)).toMatchObject({ total: 26, uncounted: null });
  });
});

describe("the load of a job", () => {
  it("splits what is queued by whether it is due", () => {
    const engine = new EngineDriver({ ...QUIET, concurrencyLimit: 1 });
    engine.trigger({ id: "exe_1" }, START);
    engine.mustClaim(engine.takeDispatches()[0], START);
    engine.trigger({ id: "exe_2" }, START);
    engine.trigger({ id: "exe_3", delayUntilMs: START + MINUTE }, START);
    expect(loadOf(engine.state, START)).toMatchObject({ running: 1, queued: 1, delayed: 1, waiting: 0, total: 3 });
  });
});
