/**
 * The engine against a hostile world: messages are lost, doubled, late and out of order; workers die before and after
 * they send; states that need not be saved are forgotten; the clock jumps; people pause, edit and cancel. Whatever the
 * sequence, what must be true is checked against a reference model that knows nothing of how the engine works.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Verdict } from "../execution/verdict.ts";
import { type Job, scheduleOf } from "../job/job.ts";
import { dueBetween } from "../schedule/schedule.ts";
import type { AttemptWork } from "./claim.ts";
import type { Execution } from "../execution/execution.ts";
import { owedHistory } from "./control.ts";
import type { Deduped } from "./dedupe.ts";
import { makeAttempt, makeJob, MINUTE, START } from "./engine.fixture.ts";
import { loadOf } from "./load.ts";
import { type EngineEvent, isAnnouncementOnly, reduce, type Reduction } from "./reduce.ts";
import { type Command, initialState, type JobState, occupiesSlot } from "./state.ts";
import { nextWakeMs } from "./timers.ts";

type Message = Extract<Command, { type: "dispatch" }>;

const ACTIONS = [
  "wake", "wake", "wake", "deliver", "deliver", "deliver", "duplicate", "drop", "finish", "finish", "fail", "retry",
  "die", "forget", "sleep", "jump_back", "trigger", "delay", "repeat", "reschedule", "cancel", "pause", "resume",
  "hold", "release", "edit", "collect",
] as const; // prettier-ignore

const ENDS: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled"]);

class World {
  nowMs = START;
  /** The furthest that the clock ever stood: a lease that has ended stays ended when the clock steps back. */
  #latestMs = START;
  state: JobState;
  /** What would be left after a crash. */
  saved: JobState;
  job: Job;
  messages: Message[] = [];
  /** Claims that a worker holds. */
  held: AttemptWork[] = [];
  /** History: the picture with the highest revision of each execution. */
  readonly history = new Map<string, { rev: number; status: string; dueMs: number; source: string; code?: string }>();
  readonly sends = new Map<string, number>();
  readonly asked = new Set<string>();
  /** When what was asked for may begin, and until when. */
  readonly bounds = new Map<string, { dueMs: number; ttlMs: number }>();
  readonly #known = new Map<string, Deduped>();
  #ids = 0;

  constructor(job: Job) {
    this.job = job;
    this.state = initialState(job);
    this.saved = this.state;
  }

  send<Type extends EngineEvent["type"]>(event: Extract<EngineEvent, { type: Type }>): Reduction<Type>["answer"] {
    this.#latestMs = Math.max(this.#latestMs, this.nowMs);
    const before = this.state;
    const reduction = reduce<Type>(before, event, this.nowMs, () => 0.5, this.#known);
    this.state = reduction.state;
    for (const change of reduction.keys) if (change.type === "remember") this.#known.set(change.key, change);
    const announced = event.type === "tick" && this.saved === before && isAnnouncementOnly(before, this.state);
    if (!announced) this.saved = this.state;
    for (const command of reduction.commands) if (command.type === "dispatch") this.messages.push(command);
    const occupied = [...this.state.live.values()].filter(occupiesSlot);
    for (const group of Map.groupBy(occupied, ({ execution }) => execution.start?.concurrencyKey).values()) {
      expect(group.length).toBeLessThanOrEqual(this.job.concurrencyLimit);
    }
    return reduction.answer;
  }

  record(execution: Pick<Execution, "id" | "rev" | "status" | "scheduledForMs" | "source" | "error">): void {
    const known = this.history.get(execution.id);
    if (known && known.rev >= execution.rev) return;
    const { id, rev, status, scheduledForMs: dueMs, source, error } = execution;
    this.history.set(id, { rev, status, dueMs, source, ...(error === null ? {} : { code: error.code }) });
    // What was given up never began.
    if (error?.code === "expired") expect(this.sends.has(id)).toBe(false);
  }

  deliver(message: Message | undefined): void {
    if (!message) return;
    const { executionId, step, fence } = message;
    const answer = this.send<"claim">({ type: "claim", executionId, step, fence, uuid: "u" });
    if (answer.verdict !== "run") return;
    // Guarantee 2: nobody else holds an unexpired claim of this execution.
    const rivals = this.held.filter((work) => work.executionId === executionId && work.leaseUntilMs > this.#latestMs);
    expect(rivals).toEqual([]);
    // What the actor ended stays ended. A record that a worker wrote ahead (odd) may be of one that lost its lease.
    const known = this.history.get(executionId);
    const endedByActor = known !== undefined && known.rev % 2 === 0 && ENDS.has(known.status);
    expect(endedByActor).toBe(false);
    const bounds = this.bounds.get(executionId);
    if (bounds && !this.sends.has(executionId)) {
      expect(this.#latestMs).toBeGreaterThanOrEqual(bounds.dueMs);
      expect(this.nowMs).toBeLessThan(bounds.dueMs + bounds.ttlMs);
    }
    this.held.push(answer.work);
    this.sends.set(executionId, (this.sends.get(executionId) ?? 0) + 1);
  }

  finish(index: number, verdict: Verdict, recorded: boolean): void {
    const [work] = this.held.splice(index % Math.max(1, this.held.length), 1);
    if (!work) return;
    const { executionId, step, fence } = work;
    const attempt = makeAttempt(work.attempt, verdict);
    const ahead = recorded && verdict.type !== "retry" && this.nowMs < work.leaseUntilMs;
    if (ahead) {
      const status = verdict.type === "succeed" ? "succeeded" : "failed";
      this.record({ ...work.execution, status, rev: work.execution.rev + 1 });
    }
    const recordedRev = work.execution.rev + 1;
    const result = {
      executionId,
      step,
      fence,
      attempt,
      verdict,
      finishedAtMs: this.nowMs,
      recorded: ahead,
      recordedRev,
    };
    this.send<"finish">({ type: "finish", result });
  }

  collect(): void {
    const owed = owedHistory(this.state);
    for (const { execution } of owed) this.record(execution);
    this.send<"confirm">({
      type: "confirm",
      confirmed: owed.map(({ execution }) => ({ id: execution.id, rev: execution.rev })),
    });
  }

  apply(changes: Partial<Job>): void {
    const becomesActive = changes.state === "active" && this.job.state !== "active";
    this.job = {
      ...this.job,
      ...changes,
      version: this.job.version + 1,
      ...(becomesActive ? { scheduleFromMs: this.nowMs } : {}),
    };
    this.send<"apply">({ type: "apply", job: this.job });
  }

  act(action: (typeof ACTIONS)[number], n: number): void {
    switch (action) {
      case "wake": {
        const wakeMs = nextWakeMs(this.state);
        if (wakeMs !== null) this.nowMs = Math.max(this.nowMs, wakeMs + (n % 20));
        this.send<"tick">({ type: "tick" });
        break;
      }
      case "deliver":
        this.deliver(this.messages.splice(n % Math.max(1, this.messages.length), 1)[0]);
        break;
      case "duplicate":
        this.deliver(this.messages[n % Math.max(1, this.messages.length)]);
        break;
      case "drop":
        this.messages.splice(n % Math.max(1, this.messages.length), 1);
        break;
      case "finish":
        this.finish(n, { type: "succeed", output: null }, n % 3 !== 0);
        break;
      case "fail":
        this.finish(n, { type: "fail", error: { code: "x", message: "x" } }, n % 3 !== 0);
        break;
      case "retry":
        this.finish(n, { type: "retry", delayMs: 500 * (1 + (n % 5)) }, false);
        break;
      case "die":
        this.held.splice(n % Math.max(1, this.held.length), 1);
        break;
      case "forget":
        this.state = this.saved;
        break;
      case "sleep":
        this.nowMs += (n % 7) * MINUTE;
        break;
      case "jump_back":
        this.nowMs -= (n % 90) * 1_000;
        break;
      case "trigger": {
        const id = `exe_manual_${this.#ids++}`;
        this.asked.add(id);
        this.send<"trigger">({ type: "trigger", starts: [{ id, source: "manual", replayedFrom: null }] });
        break;
      }
      case "delay": {
        const id = `exe_later_${this.#ids++}`;
        const delayUntilMs = this.nowMs + ((n % 5) - 1) * MINUTE;
        const ttlMs = n % 2 === 0 ? 30_000 + n : 10 * 24 * 60 * MINUTE;
        this.asked.add(id);
        this.bounds.set(id, { dueMs: Math.max(this.nowMs, delayUntilMs), ttlMs });
        const asked = { id, source: "api", replayedFrom: null, delayUntilMs, ttlMs } as const;
        this.send<"trigger">({ type: "trigger", starts: [{ ...asked, concurrencyKey: `key ${n % 2}` }] });
        break;
      }
      case "repeat": {
        const id = `exe_once_${this.#ids++}`;
        const dedupe = { key: `${n % 3}`, windowMs: 30 * 24 * 60 * MINUTE, kind: "idempotency" } as const;
        const starts = [{ id, source: "api", replayedFrom: null, dedupe } as const];
        const [answer] = this.send<"trigger">({ type: "trigger", starts });
        if (answer?.ok) this.asked.add(id);
        break;
      }
      case "reschedule": {
        const id = [...this.state.live.keys()][n % Math.max(1, this.state.live.size)];
        if (!id) break;
        const untilMs = this.nowMs + ((n % 7) - 1) * MINUTE;
        const answer = this.send<"reschedule">({ type: "reschedule", executionId: id, untilMs });
        if (answer.type !== "rescheduled") break;
        expect(this.sends.has(id)).toBe(false);
        this.bounds.set(id, { ttlMs: this.bounds.get(id)?.ttlMs ?? 0, dueMs: answer.execution.scheduledForMs });
        break;
      }
      case "hold":
        this.apply({ queuePaused: true });
        break;
      case "release":
        this.apply({ queuePaused: false });
        break;
      case "cancel": {
        const ids = [...this.state.live.keys()];
        const executionId = ids[n % Math.max(1, ids.length)];
        if (executionId) this.send<"cancel">({ type: "cancel", executionId });
        break;
      }
      case "pause":
        this.apply({ state: "paused" });
        break;
      case "resume":
        this.apply({ state: "active" });
        break;
      case "edit":
        this.apply({ concurrencyLimit: Math.max(this.job.concurrencyLimit, 1 + (n % 3)) });
        break;
      case "collect":
        this.collect();
        break;
    }
  }

  /** From here on nothing fails any more: everything must come to its end. */
  settle(): void {
    if (this.job.state === "paused" || this.job.queuePaused) this.apply({ state: "active", queuePaused: false });
    this.apply({ schedule: { kind: "scheduled", runAtMs: START - 1 } });
    for (let turn = 0; turn < 2_000; turn++) {
      for (const message of this.messages.splice(0)) this.deliver(message);
      while (this.held.length > 0) this.finish(0, { type: "succeed", output: null }, true);
      this.collect();
      const wakeMs = nextWakeMs(this.state);
      if (wakeMs === null && this.messages.length === 0) return;
      if (wakeMs !== null) this.nowMs = Math.max(this.nowMs, wakeMs);
      this.send<"tick">({ type: "tick" });
    }
    throw new Error("the world does not come to rest");
  }
}

const arbitraryJob = fc.record({
  misfirePolicy: fc.constantFrom("fire_once", "skip", "catch_up"),
  overlapPolicy: fc.constantFrom("queue", "skip", "cancel_running"),
  concurrencyLimit: fc.integer({ min: 1, max: 3 }),
});
const arbitraryActions = fc.array(fc.tuple(fc.constantFrom(...ACTIONS), fc.nat(10_000)), {
  maxLength: 120,
  size: "max",
});

describe("the engine in a hostile world", () => {
  it("brings every execution to exactly one end, and loses and doubles none", () => {
    fc.assert(
      fc.property(arbitraryJob, arbitraryActions, (policies, actions) => {
        const world = new World(makeJob(policies));
        for (const [action, n] of actions) world.act(action, n);
        world.settle();
        expect(world.state.live.size + world.state.outbox.size).toBe(0);
        for (const [id, entry] of world.history) expect([id, ENDS.has(entry.status)]).toEqual([id, true]);
        for (const id of world.asked) expect(world.history.has(id)).toBe(true);
        expect(loadOf(world.state, world.nowMs).total).toBe(world.history.size);
        const once = [...world.asked].filter((id) => id.startsWith("exe_once"));
        expect(once.length).toBeLessThanOrEqual(3);
        const scheduled = [...world.history.values()].filter((entry) => entry.source === "schedule");
        expect(new Set(scheduled.map((entry) => entry.dueMs)).size).toBe(scheduled.length);
      }),
      { numRuns: 400 },
    );
  });

  it("gives every due time its execution under catch_up, whatever is lost, as long as nobody pauses or edits", () => {
    const steady = new Set(["pause", "resume", "hold", "release", "edit"]);
    fc.assert(
      fc.property(arbitraryActions, (actions) => {
        const job = makeJob({ misfirePolicy: "catch_up" });
        const world = new World(job);
        for (const [action, n] of actions) if (!steady.has(action)) world.act(action, n);
        world.send<"tick">({ type: "tick" });
        const untilMs = world.state.cursorMs;
        world.settle();
        const due = dueBetween(scheduleOf(job), START, untilMs, 10_000).times;
        const seen = new Set([...world.history.values()].map((entry) => entry.dueMs));
        // A sleep of more than 100 due times is cut by the policy; this world never sleeps that long.
        expect(due.filter((dueMs) => !seen.has(dueMs))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
