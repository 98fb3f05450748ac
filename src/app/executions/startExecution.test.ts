import { describe, expect, it } from "vitest";
import type { AttemptWork } from "../../domain/engine/claim.ts";
import type { TriggerAnswer, TriggerRequest } from "../../domain/engine/protocol.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import type { Services } from "../services.ts";
import { startExecution, startMany } from "./startExecution.ts";

const WORKSPACE = "wks_1";
const JOB_ID = "job_00000000000000000000000001";
const MANUAL = { source: "manual" } as const;
const EXECUTION = { id: "exe_1" } as Execution;
const WORK = { executionId: "exe_1" } as AttemptWork;
const WITH_WORK: TriggerAnswer = { type: "started", execution: EXECUTION, work: WORK };

function world(answer: () => Promise<TriggerAnswer>, hasRoom = true) {
  const asked: TriggerRequest[] = [];
  const begun: Promise<AttemptWork | null>[] = [];
  const reported: unknown[] = [];
  const services = {
    actors: {
      of: () => ({
        trigger: async (request: TriggerRequest) => {
          asked.push(request);
          return await answer();
        },
      }),
    },
    ownAttempt: { hasRoom: () => hasRoom, begin: (claim: Promise<AttemptWork | null>) => void begun.push(claim) },
    report: (fault: unknown) => reported.push(fault),
  } as unknown as Services;
  return { services, asked, begun, reported };
}

describe("an invocation that has room for an attempt", () => {
  it("asks for it, and begins it before the answer is there", async () => {
    const answer = Promise.withResolvers<TriggerAnswer>();
    const { services, asked, begun } = world(() => answer.promise);
    const started = startExecution(services, WORKSPACE, JOB_ID, MANUAL);
    await expect.poll(() => asked).toMatchObject([{ takesWork: true }]);
    expect(begun).toHaveLength(1);
    answer.resolve(WITH_WORK);
    expect(await started).toEqual({ ok: true, value: { execution: EXECUTION, isDuplicate: false } });
    expect(await begun[0]).toBe(WORK);
  });

  it.each<[string, TriggerAnswer]>([
    ["waits", { type: "started", execution: EXECUTION }],
    ["was started before", { type: "duplicate", executionId: EXECUTION.id, execution: EXECUTION }],
    ["is refused", { type: "backlog_full" }],
  ])("has none to make when the execution %s", async (_what, answer) => {
    const { services, begun } = world(async () => answer);
    await startExecution(services, WORKSPACE, JOB_ID, MANUAL);
    expect(await Promise.all(begun)).toEqual([null]);
  });

  it("tells once that the actor was out of reach", async () => {
    const { services, begun, reported } = world(() => Promise.reject(new Error("Network connection lost.")));
    const started = await startExecution(services, WORKSPACE, JOB_ID, MANUAL);
    expect(started).toMatchObject({ ok: false, error: { code: "actor_unavailable" } });
    await expect(begun[0]).rejects.toThrow();
    expect(reported).toHaveLength(1);
  });

  it("does not ask for those of several starts, nor for that of a batch of one", async () => {
    const { services, asked, begun } = world(async () => WITH_WORK);
    await startMany(services, WORKSPACE, JOB_ID, [MANUAL]);
    expect(asked.map(({ takesWork }) => takesWork)).toEqual([undefined]);
    expect(begun).toEqual([]);
  });
});

describe("an invocation that has no room", () => {
  it("does not ask for the attempt", async () => {
    const { services, asked, begun } = world(async () => ({ type: "started", execution: EXECUTION }), false);
    expect((await startExecution(services, WORKSPACE, JOB_ID, MANUAL)).ok).toBe(true);
    expect(asked.map(({ takesWork }) => takesWork)).toEqual([undefined]);
    expect(begun).toEqual([]);
  });
});
