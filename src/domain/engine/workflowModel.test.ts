/**
 * Executions with steps against the hostile world of `engineModel.test.ts`: random definitions, nested, of every type of
 * step, while messages and errands are lost and doubled, workers die, links are called early, late and twice, people
 * decide, pause and cancel, and the state is read back from what was saved.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Execution } from "../execution/execution.ts";
import { isFinished } from "../execution/execution.ts";
import { isStepFinished, type StepRecord } from "../execution/stepRecord.ts";
import type { Verdict } from "../execution/verdict.ts";
import type { Job } from "../job/job.ts";
import { arbitraryDefinition } from "../workflow/arbitrarySteps.fixture.ts";
import { nestedLists, type StepDefinition } from "../workflow/definition.ts";
import { linkToken } from "../workflow/links.ts";
import { placesOf } from "../workflow/places.ts";
import { outputOf } from "../workflow/scope.ts";
import { workflowJob } from "../workflow/workflow.fixture.ts";
import type { AttemptWork } from "./claim.ts";
import { owedHistory } from "./control.ts";
import { makeAttempt, START } from "./engine.fixture.ts";
import { type EngineEvent, isAnnouncementOnly, reduce, type Reduction } from "./reduce.ts";
import { keptRecords } from "./restart.ts";
import { type Command, initialState, type JobState, occupiesSlot } from "./state.ts";
import { errandOrders, nextWakeMs } from "./timers.ts";

type Message = Extract<Command, { type: "dispatch" }>;

const ACTIONS = [
  "deliver", "deliver", "deliver", "deliver", "duplicate", "drop", "succeed", "succeed", "succeed", "fail", "retry",
  "die", "wake", "wake", "reload", "start", "signal", "signal", "decide", "decide", "errand", "errand", "child_end",
  "cancel", "pause", "resume", "collect",
] as const; // prettier-ignore

class World {
  nowMs = START;
  state: JobState;
  job: Job;
  messages: Message[] = [];
  held: AttemptWork[] = [];
  readonly ended = new Map<string, Execution>();
  readonly claimed = new Set<string>();
  readonly accepted = new Set<string>();
  #saved: JobState;
  #ids = 0;
  #seed = 1;

  constructor(job: Job) {
    this.job = job;
    this.state = initialState(job);
    this.#saved = this.state;
  }

  random = (): number => {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return this.#seed / 0x80000000;
  };

  send<Type extends EngineEvent["type"]>(event: Extract<EngineEvent, { type: Type }>): Reduction<Type>["answer"] {
    const before = this.state;
    const reduction = reduce<Type>(before, event, this.nowMs, this.random);
    this.state = reduction.state;
    expect(isAnnouncementOnly(before, this.state)).toBe(false);
    this.#saved = this.state;
    for (const command of reduction.commands) if (command.type === "dispatch") this.messages.push(command);
    const lives = [...this.state.live.values()];
    expect(lives.filter(occupiesSlot).length).toBeLessThanOrEqual(this.job.concurrencyLimit);
    for (const { execution, steps } of lives) {
      if (execution.status === "waiting") expect(steps.every(({ phase }) => phase === "parked")).toBe(true);
      expect(steps.length).toBeGreaterThan(0);
    }
    for (const { execution } of this.state.outbox.values()) this.#end(execution);
    return reduction.answer;
  }

  /** Exactly one end, and nothing under way in what has ended. */
  #end(execution: Execution): void {
    const known = this.ended.get(execution.id);
    if (known) expect(execution).toEqual(known);
    this.ended.set(execution.id, execution);
    expect(isFinished(execution.status)).toBe(true);
    expect(this.state.live.has(execution.id)).toBe(false);
    for (const record of execution.workflow?.steps ?? []) expect([record.path, isStepFinished(record.status)]).toEqual([record.path, true]); // prettier-ignore
  }

  /** As after a crash: what was written is read back. */
  reload(): void {
    const written = JSON.parse(JSON.stringify([[...this.#saved.live], [...this.#saved.outbox], [...this.#saved.errands]])) as [
      [string, never][], [string, never][], [string, never][],
    ]; // prettier-ignore
    const [live, outbox, errands] = written;
    this.state = { ...this.#saved, live: new Map(live), outbox: new Map(outbox), errands: new Map(errands) };
  }

  recordOf(executionId: string, path: string): StepRecord | undefined {
    return this.state.live.get(executionId)?.execution.workflow?.steps.find((each) => each.path === path);
  }

  deliver(message: Message | undefined): void {
    if (!message) return;
    const { executionId, step, fence } = message;
    const before = this.recordOf(executionId, step);
    const answer = this.send<"claim">({ type: "claim", executionId, step, fence, uuid: "u" });
    if (answer.verdict !== "run") return;
    expect(before === undefined || isStepFinished(before.status)).toBe(false);
    const rivals = this.held.filter(
      (work) => work.executionId === executionId && work.step === step && work.leaseUntilMs > this.nowMs,
    );
    expect(rivals).toEqual([]);
    expect(this.ended.has(executionId)).toBe(false);
    expect(this.recordOf(executionId, step)?.status).toBe("running");
    this.held.push(answer.work);
    this.claimed.add(`${executionId}/${step}`);
  }

  finish(index: number, verdict: Verdict): void {
    const [work] = this.held.splice(index % Math.max(1, this.held.length), 1);
    if (!work) return;
    const { executionId, step, fence } = work;
    const attempt = makeAttempt(work.attempt, verdict);
    const product = { output: { path: step }, extracted: {} };
    const result = { executionId, step, fence, attempt, verdict, finishedAtMs: this.nowMs, recorded: false, product };
    this.send<"finish">({ type: "finish", result });
  }

  /** Calls the link of any `wait_for_webhook` place of a live execution, reached or not. */
  signal(n: number): void {
    const [id, live] = [...this.state.live][n % Math.max(1, this.state.live.size)] ?? [];
    const waits = [...placesOf(this.job.steps ?? []).values()].filter(({ step }) => step.type === "wait_for_webhook");
    const place = waits[n % Math.max(1, waits.length)];
    if (!id || !live?.key || !place) return;
    const step = place.pattern.replaceAll("[*]", `[${n % 3}]`);
    const request = { executionId: id, step, token: linkToken(live.key, "callback", step), payload: n };
    const answer = this.send<"signal">({ type: "signal", request });
    if (answer !== "accepted") return;
    expect(this.accepted.has(`${id}/${step}`)).toBe(false);
    this.accepted.add(`${id}/${step}`);
  }

  decide(n: number): void {
    for (const [executionId, live] of this.state.live) {
      const waiting = live.steps.filter(({ phase, path }) => phase === "parked" && this.recordOf(executionId, path)?.type === "approval"); // prettier-ignore
      const step = waiting[n % Math.max(1, waiting.length)]?.path;
      if (step === undefined) continue;
      const authority = { workspaceId: this.job.workspaceId };
      const decision = n % 3 === 0 ? "reject" : "approve";
      const request = { executionId, step, decision, by: "kim", comment: null, authority } as const;
      expect(this.send<"decide">({ type: "decide", request }).type).toBe("decided");
      expect(this.send<"decide">({ type: "decide", request }).type).not.toBe("decided");
      return;
    }
  }

  errand(n: number): void {
    const orders = errandOrders(this.state);
    const order = orders[n % Math.max(1, orders.length)];
    if (!order) return;
    const refusal = { type: "refused", error: { code: "unknown_job", message: "x" } } as const;
    const outcome = n % 5 === 0 ? refusal : ({ type: "done" } as const);
    this.send<"errand_done">({ type: "errand_done", id: order.id, outcome });
  }

  childEnd(n: number): void {
    for (const [executionId, live] of this.state.live) {
      const record = live.execution.workflow?.steps.find(
        (each) => each.type === "run_job" && each.status === "waiting",
      );
      if (!record?.child) continue;
      const status = n % 4 === 0 ? "failed" : "succeeded";
      const end = { executionId, step: record.path, childId: record.child, status, output: n, error: null } as const;
      this.send<"child_ended">({ type: "child_ended", end });
      return;
    }
  }

  collect(): void {
    const confirmed = owedHistory(this.state).map(({ execution: { id, rev } }) => ({ id, rev }));
    this.send<"confirm">({ type: "confirm", confirmed });
  }

  apply(changes: Partial<Job>): void {
    this.job = { ...this.job, ...changes, version: this.job.version + 1 };
    this.send<"apply">({ type: "apply", job: this.job });
  }

  start(): void {
    const id = `exe_${this.#ids++}`;
    const source = this.#ids % 2 === 0 ? "schedule" : "manual";
    this.send<"trigger">({ type: "trigger", starts: [{ id, source, replayedFrom: null, input: { n: this.#ids } }] });
  }

  wake(): void {
    const wakeMs = nextWakeMs(this.state);
    if (wakeMs !== null) this.nowMs = Math.max(this.nowMs, wakeMs);
    this.send<"tick">({ type: "tick" });
  }

  act(action: (typeof ACTIONS)[number], n: number): void {
    const at = n % Math.max(1, this.messages.length);
    switch (action) {
      case "deliver":
        return this.deliver(this.messages.splice(at, 1)[0]);
      case "duplicate":
        return this.deliver(this.messages[at]);
      case "drop":
        return void this.messages.splice(at, 1);
      case "succeed":
        return this.finish(n, { type: "succeed", output: null });
      case "fail":
        return this.finish(n, { type: "fail", error: { code: "x", message: "x" } });
      case "retry":
        return this.finish(n, { type: "retry", delayMs: 500 });
      case "die":
        return void this.held.splice(n % Math.max(1, this.held.length), 1);
      case "wake":
        return this.wake();
      case "reload":
        return this.reload();
      case "start":
        return this.start();
      case "signal":
        return this.signal(n);
      case "decide":
        return this.decide(n);
      case "errand":
        return this.errand(n);
      case "child_end":
        return this.childEnd(n);
      case "cancel": {
        const executionId = [...this.state.live.keys()][n % 10];
        if (executionId) this.send<"cancel">({ type: "cancel", executionId });
        return;
      }
      case "pause":
        return this.apply({ state: "paused" });
      case "resume":
        return this.apply({ state: "active" });
      case "collect":
        return this.collect();
    }
  }

  /** From here on nothing fails any more: everything comes to its end. */
  settle(): void {
    if (this.job.state === "paused") this.apply({ state: "active" });
    for (let turn = 0; turn < 2_000; turn++) {
      for (const message of this.messages.splice(0)) this.deliver(message);
      while (this.held.length > 0) this.finish(0, { type: "succeed", output: null });
      for (let tries = 0; tries < 20 && errandOrders(this.state).length > 0; tries++) this.errand(1);
      this.collect();
      if (nextWakeMs(this.state) === null && this.messages.length === 0) return;
      this.wake();
    }
    throw new Error("the world does not come to rest");
  }
}

const arbitraryActions = fc.array(fc.tuple(fc.constantFrom(...ACTIONS), fc.nat(10_000)), { maxLength: 80 });
const arbitraryLimit = fc.integer({ min: 1, max: 3 });

function run(steps: readonly StepDefinition[], concurrencyLimit: number, actions: readonly (readonly [(typeof ACTIONS)[number], number])[]): World {
  const world = new World(workflowJob(steps, { concurrencyLimit }));
  world.start();
  for (const [action, n] of actions) world.act(action, n);
  world.settle();
  return world;
} // prettier-ignore

describe("executions with steps in a hostile world", () => {
  it("come to exactly one end each, whatever is lost, doubled or late", () => {
    fc.assert(
      fc.property(arbitraryDefinition, arbitraryLimit, arbitraryActions, (steps, limit, actions) => {
        const world = run(steps, limit, actions);
        expect(world.state.live.size + world.state.outbox.size + world.state.errands.size).toBe(0);
        expect(world.ended.size).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });

  it("never claim what was skipped, and run what a condition chose only", () => {
    fc.assert(
      fc.property(arbitraryDefinition, arbitraryActions, (steps, actions) => {
        const world = run(steps, 3, actions);
        for (const { id, workflow } of world.ended.values()) {
          for (const record of workflow?.steps ?? []) {
            const wasClaimed = world.claimed.has(`${id}/${record.path}`);
            if (record.status === "skipped" || record.type !== "http") expect(wasClaimed).toBe(false);
            if (record.type === "http" && record.status === "succeeded") expect(wasClaimed).toBe(true);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("keep the outputs of earlier steps when they are restarted, and run none of those again", () => {
    fc.assert(
      fc.property(arbitraryDefinition, arbitraryActions, fc.nat(1_000), (steps, actions, n) => {
        const world = run(steps, 3, actions);
        const originals = Array.from(world.ended.values());
        for (const original of originals) {
          const records = original.workflow?.steps ?? [];
          const reached = records.filter(({ status }) => status !== "skipped");
          const from = reached[n % Math.max(1, reached.length)];
          const kept = from && keptRecords(steps, records, from.path);
          if (!from || !kept?.ok) continue;
          const id = `${original.id}_again`;
          const answer = world.send<"restart">({ type: "restart", id, original, fromStep: from.path });
          expect(answer.ok).toBe(true);
          world.settle();
          const again = world.ended.get(id)?.workflow?.steps ?? [];
          const byPath = new Map(again.map((record) => [record.path, record]));
          expect(kept.value.some(({ path, status }) => path === from.path && status !== "running")).toBe(false);
          for (const record of kept.value.filter(({ status }) => isStepFinished(status))) {
            const found = byPath.get(record.path);
            expect(found && outputOf(byPath, found)).toEqual(
              outputOf(new Map(records.map((r) => [r.path, r])), record),
            );
            expect(world.claimed.has(`${id}/${record.path}`)).toBe(false);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it("reach every type of step", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(arbitraryDefinition, (steps) => {
        const visit = (list: readonly StepDefinition[]): void => {
          for (const step of list) {
            seen.add(step.type);
            for (const nested of nestedLists(step)) visit(nested.steps);
          }
        };
        visit(steps);
      }),
      { numRuns: 300 },
    );
    expect(seen.size).toBe(9);
  });
});
