import { describe, expect, it } from "vitest";
import { aJob, anExecution, aStepRecord, aWorkflow } from "../../../test/workerd/db/builders.ts";
import type { JobActorProtocol, RestartAnswer, RestartRequest, TriggerRequest } from "../../domain/engine/protocol.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import { NO_START_OPTIONS } from "../../domain/execution/execution.ts";
import type { Services } from "../services.ts";
import { replayExecution } from "./replayExecution.ts";
import type { RestartFrom } from "./restartExecution.ts";
import { restartExecution } from "./restartExecution.ts";

const JOB = aJob();
const ENDED = anExecution(JOB, {
  status: "failed",
  workflow: aWorkflow({
    input: { a: 1 },
    triggerInput: { body: "x" },
    steps: [aStepRecord({ path: "a" }), aStepRecord({ path: "both[0].b", status: "failed" })],
  }),
});
const NEXT = anExecution(JOB, { status: "queued", source: "restart" });

function services(original: Execution, ...answers: (RestartAnswer | Error)[]) {
  const asked: RestartRequest[] = [];
  const triggered: TriggerRequest[] = [];
  const applied: string[] = [];
  const actor: Partial<JobActorProtocol> = {
    describe: async () => original,
    restart: async (request) => {
      asked.push(request);
      const answer = answers[asked.length - 1] ?? { type: "started", execution: NEXT };
      if (answer instanceof Error) throw answer;
      return answer;
    },
    trigger: async (request) => {
      triggered.push(request);
      return { type: "started", execution: NEXT };
    },
    apply: async (job) => {
      applied.push(job.id);
    },
  };
  const parts = {
    executions: { find: async () => original },
    jobs: { find: async () => JOB, markApplied: async () => undefined },
    actors: { of: () => actor },
    ownAttempt: { hasRoom: () => false },
    report: () => undefined,
    later: () => undefined,
  };
  return { services: parts as unknown as Services, asked, triggered, applied };
}

async function restart(world: ReturnType<typeof services>, from: RestartFrom) {
  return await restartExecution(world.services, JOB.workspaceId, ENDED.id, from);
}

describe("restartExecution", () => {
  it.each(["a", "both[0].b", "b"])("hands the original to the actor, to begin at %s", async (step) => {
    const world = services(ENDED);
    expect(await restart(world, { step, overrideInput: { a: 2 } })).toEqual({ ok: true, value: NEXT });
    const { workspaceId } = JOB;
    expect(world.asked).toEqual([{ workspaceId, original: ENDED, fromStep: step, overrideInput: { a: 2 } }]);
  });

  it("tells an input of null from none", async () => {
    const world = services(ENDED);
    await restart(world, { step: "a", overrideInput: null });
    await restart(world, { step: null });
    expect(world.asked.map((request) => request.overrideInput)).toEqual([null, undefined]);
    expect(world.asked[1]).toMatchObject({ fromStep: null });
  });

  it("lays an override over the body of the webhook that started it, and over nothing else", async () => {
    const triggerInput = { method: "POST", body: { id: 1, total: 2 } };
    const original = { ...ENDED, workflow: { ...aWorkflow(ENDED.workflow ?? {}), triggerInput } };
    const world = services(original);
    await restart(world, { step: "a", overrideBody: { total: 3 } });
    expect(world.asked[0]?.original).toEqual({
      ...original,
      workflow: { ...original.workflow, triggerInput: { method: "POST", body: { id: 1, total: 3 } } },
    });
  });

  it("names the steps that there are when there is no such step", async () => {
    const world = services(ENDED);
    expect(await restart(world, { step: "c" })).toMatchObject({
      error: {
        code: "invalid_request",
        issues: [{ path: "from_step", message: expect.stringContaining("a, both[0].b") }],
      },
    });
    expect(world.asked).toEqual([]);
  });

  it.each([
    ["a plain one", { ...ENDED, workflow: null }, "no_steps"],
    ["one that still waits", { ...ENDED, status: "waiting" as const }, "not_finished"],
  ])("refuses %s", async (_, original, code) => {
    expect(await restart(services(original), { step: null })).toMatchObject({ ok: false, error: { code } });
  });

  it("passes on why the actor refuses", async () => {
    const refused = services(ENDED, { type: "refused", message: "Nothing in it failed." });
    expect(await restart(refused, { step: null })).toMatchObject({
      error: { code: "not_restartable", message: "Nothing in it failed." },
    });
    const issues = [{ path: "override_input.a", message: "must be text" }];
    const unfit = services(ENDED, { type: "invalid_input", issues });
    expect(await restart(unfit, { step: null })).toMatchObject({ error: { code: "invalid_request", issues } });
    const full = services(ENDED, { type: "backlog_full" });
    expect(await restart(full, { step: null })).toMatchObject({ error: { code: "backlog_full" } });
  });

  it("brings the definition to an actor that does not have it, and asks once more", async () => {
    const world = services(ENDED, { type: "unknown_job" });
    expect((await restart(world, { step: null })).ok).toBe(true);
    expect([world.applied, world.asked.length]).toEqual([[JOB.id], 2]);
  });

  it("does not ask again when an answer was lost, for one may have started", async () => {
    const world = services(ENDED, new Error("gone"));
    expect(await restart(world, { step: null })).toMatchObject({ error: { code: "actor_unavailable" } });
    expect(world.asked).toHaveLength(1);
  });
});

describe("replayExecution", () => {
  it("keeps the input and what came with the webhook", async () => {
    const world = services(ENDED);
    await replayExecution(world.services, JOB.workspaceId, ENDED.id);
    expect(world.triggered).toEqual([
      {
        workspaceId: JOB.workspaceId,
        source: "replay",
        replayedFrom: ENDED.id,
        input: { a: 1 },
        triggerInput: { body: "x" },
      },
    ]);
  });

  it("has none to keep of a plain job", async () => {
    const world = services({ ...ENDED, workflow: null });
    await replayExecution(world.services, JOB.workspaceId, ENDED.id);
    expect(world.triggered).toEqual([{ workspaceId: JOB.workspaceId, source: "replay", replayedFrom: ENDED.id }]);
  });

  it.each([
    [{ a: 1, b: 1 }, { b: 2 }, { a: 1, b: 2 }],
    [null, { b: 2 }, { b: 2 }],
    [[1], { b: 2 }, { b: 2 }],
  ])("lays an override over the input of a plain job: %j, %j", async (input, override, merged) => {
    const world = services({ ...ENDED, workflow: null, start: { ...NO_START_OPTIONS, input } });
    await replayExecution(world.services, JOB.workspaceId, ENDED.id, { overrideInput: override });
    expect(world.triggered[0]?.input).toEqual(merged);
  });
});
