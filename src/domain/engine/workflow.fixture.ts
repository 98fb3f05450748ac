/** A driver for one execution with steps: start it, answer its requests by path, and look at it. */

import type { Verdict } from "../execution/verdict.ts";
import type { Execution } from "../execution/execution.ts";
import type { StepRecord } from "../execution/stepRecord.ts";
import type { JsonValue } from "../json.ts";
import { outputOf } from "../workflow/scope.ts";
import type { AttemptWork } from "./claim.ts";
import { EngineDriver, makeAttempt, START } from "./engine.fixture.ts";
import type { StepProduct } from "./finish.ts";
import type { TriggerEvent } from "./start.ts";
import type { Command } from "./state.ts";

type Dispatch = Extract<Command, { type: "dispatch" }>;

export class WorkflowDriver extends EngineDriver {
  nowMs = START;
  readonly id = "exe_01kdefghjk0123456789abcdefaaaaaa";
  #open: Dispatch[] = [];

  start(changes: Partial<TriggerEvent> = {}): this {
    this.trigger({ id: this.id, ...changes }, this.nowMs);
    return this;
  }

  /** Steps that a message was sent for and that nobody claimed yet, in order. */
  requested(): string[] {
    this.#open.push(...this.takeDispatches());
    return this.#open.map(({ step }) => step);
  }

  claimAt(path: string): AttemptWork {
    this.requested();
    const found = this.#open.findIndex(({ step }) => step === path);
    const [message] = this.#open.splice(found === -1 ? this.#open.length : found, 1);
    return this.mustClaim(message, this.nowMs);
  }

  /** Claims the step and answers it. */
  answer(path: string, output: JsonValue = null, extracted: StepProduct["extracted"] = {}): this {
    this.report(this.claimAt(path), { type: "succeed", output: null }, { output, extracted });
    return this;
  }

  answerFailure(path: string, code = "http_status"): this {
    this.report(this.claimAt(path), { type: "fail", error: { code, message: "The target answered 500." } });
    return this;
  }

  report(work: AttemptWork, verdict: Verdict, product?: StepProduct): boolean {
    const { executionId, step, fence } = work;
    const attempt = makeAttempt(work.attempt, verdict);
    const result = { executionId, step, fence, attempt, verdict, finishedAtMs: this.nowMs, recorded: false, product };
    return this.send<"finish">({ type: "finish", result }, this.nowMs).applied;
  }

  pass(ms: number): this {
    this.nowMs += ms;
    this.tick(this.nowMs);
    return this;
  }

  get execution(): Execution {
    const execution = this.state.live.get(this.id)?.execution ?? this.state.outbox.get(this.id)?.execution;
    if (!execution) throw new Error("the execution is gone");
    return execution;
  }

  step(path: string): StepRecord | undefined {
    return this.execution.workflow?.steps.find((each) => each.path === path);
  }

  output(path: string): JsonValue {
    const records = new Map(this.execution.workflow?.steps.map((each) => [each.path, each]));
    const record = records.get(path);
    return record ? outputOf(records, record) : null;
  }

  /** Statuses by path. */
  statuses(): Record<string, string> {
    return Object.fromEntries(this.execution.workflow?.steps.map(({ path, status }) => [path, status]) ?? []);
  }
}
