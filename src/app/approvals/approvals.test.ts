import { describe, expect, it } from "vitest";
import { aJob, anExecution, aStepRecord, aWorkflow } from "../../../test/workerd/db/builders.ts";
import type { DecisionAnswer, DecisionRequest, JobActorProtocol } from "../../domain/engine/protocol.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import type { StepRecord } from "../../domain/execution/stepRecord.ts";
import { linkToken } from "../../domain/workflow/links.ts";
import type { Token } from "../../domain/workspace/workspace.ts";
import type { Services } from "../services.ts";
import { decideByLink, viewApproval } from "./approvalLink.ts";
import { decideApproval } from "./decideApproval.ts";

const JOB = aJob();
const TOKEN = { id: "tok_1", name: "ci", role: "admin", workspaceId: JOB.workspaceId } as const;
const ask = aStepRecord({ path: "par[0].ask", type: "approval", status: "waiting" });

const KEY = "k".repeat(26);
const DECIDED = { ...ask, path: "ask", status: "succeeded", output: { decision: "approved", by: "Ada" } } as const;

function executionWith(steps: readonly StepRecord[]) {
  return anExecution(JOB, { status: "waiting", source: "manual", workflow: aWorkflow({ steps }) });
}

/** As the history has it after its end; its actor has forgotten it. */
function endedWith(steps: readonly StepRecord[]): Execution {
  return { ...executionWith(steps), status: "succeeded", workflow: aWorkflow({ steps, key: KEY }) };
}

/** An actor whose execution is live, and that answers decisions as told. */
function services(
  steps: readonly StepRecord[],
  answer: DecisionAnswer["type"] | Error = "decided",
  recorded: Execution | Error | null = null,
) {
  const execution = executionWith(steps);
  const asked: DecisionRequest[] = [];
  const actor: Partial<JobActorProtocol> = {
    describe: async () => execution,
    decide: async (request) => {
      asked.push(request);
      if (answer instanceof Error) throw answer;
      return answer === "unknown" ? { type: "unknown" } : { type: answer, execution };
    },
    approval: async () => null,
  };
  const parts = {
    executions: {
      find: async () => null,
      findForLink: async () => {
        if (recorded instanceof Error) throw recorded;
        return recorded;
      },
    },
    actors: { of: () => actor },
    report: () => undefined,
  };
  return { services: parts as unknown as Services, asked, executionId: execution.id };
}

async function decide(
  world: ReturnType<typeof services>,
  step: string,
  changes: Partial<Pick<Token, "name" | "role">> = {},
) {
  const { executionId } = world;
  const decision = { executionId, step, decision: "approve", comment: "Fine." } as const;
  return await decideApproval(world.services, { ...TOKEN, ...changes }, decision);
}

describe("decideApproval", () => {
  it.each(["par[0].ask", "ask"])("decides the step named %s, and says who did", async (step) => {
    const world = services([ask]);
    expect((await decide(world, step)).ok).toBe(true);
    expect(world.asked).toEqual([
      {
        executionId: world.executionId,
        step: "par[0].ask",
        decision: "approve",
        by: "ci (tok_1)",
        comment: "Fine.",
        authority: { workspaceId: JOB.workspaceId },
      },
    ]);
  });

  it("does not guess which of several steps with one id is meant", async () => {
    const world = services([ask, { ...ask, path: "par[1].ask" }]);
    expect(await decide(world, "ask")).toMatchObject({ error: { code: "not_found" } });
    expect((await decide(world, "par[1].ask")).ok).toBe(true);
  });

  it.each([
    ["of a plain execution", [], "not_found"],
    ["that is no approval", [{ ...ask, type: "wait" as const }], "not_waiting"],
    ["that was decided", [{ ...ask, status: "succeeded" as const, output: { approved: true } }], "not_waiting"],
  ])("refuses a step %s, without asking its actor", async (_, steps, code) => {
    const world = services(steps);
    expect(await decide(world, "par[0].ask")).toMatchObject({ ok: false, error: { code } });
    expect(world.asked).toEqual([]);
  });

  it.each([
    ["the token of that name", { name: "ci" }],
    ["the token of that name in another case", { name: "CI" }],
    ["an owner", { name: "root", role: "owner" }],
  ] as const)("lets %s decide a step that names approvers", async (_, token) => {
    const world = services([{ ...ask, input: { message: "?", approvers: ["Ada", "ci"] } }]);
    expect((await decide(world, "ask", token)).ok).toBe(true);
  });

  it("refuses everybody else, naming who may", async () => {
    const approvers = ["Ada", ...Array.from({ length: 11 }, (_, n) => `team ${n}`)];
    const world = services([{ ...ask, input: { message: "?", approvers } }]);
    const refusal = await decide(world, "ask", { name: "Adam" });
    expect(refusal).toMatchObject({ error: { code: "forbidden", details: { step: "par[0].ask", approvers } } });
    expect(JSON.stringify(refusal)).toContain("is for Ada, team 0, team 1");
    expect(JSON.stringify(refusal)).toContain(" and 2 more to decide");
    expect(world.asked).toEqual([]);
  });

  it.each(["not_waiting", "unknown"] as const)("tells who comes second that it is over (%s)", async (answer) => {
    expect(await decide(services([ask], answer), "ask")).toMatchObject({ ok: false, error: { code: "not_waiting" } });
  });

  it("says when to come back while the actor is away", async () => {
    const refusal = await decide(services([ask], new Error("moved")), "ask");
    expect(refusal).toMatchObject({ ok: false, error: { code: "actor_unavailable", retryAfterSeconds: 5 } });
  });
});

describe("the link of an approval", () => {
  const link = (executionId: string) => ({ executionId, step: "ask", token: "t" });

  it("decides with its token alone", async () => {
    const world = services([ask]);
    const outcome = await decideByLink(world.services, link(world.executionId), "reject", null);
    expect(outcome).toEqual({ type: "decided", decision: "reject" });
    expect(world.asked).toMatchObject([{ by: "link", authority: { token: "t" }, comment: null }]);
  });

  it.each(["not_waiting", "unknown"] as const)("says what became of it when the actor answers %s", async (answer) => {
    const recorded = endedWith([DECIDED]);
    const world = services([ask], answer, recorded);
    const used = { ...link(recorded.id), token: linkToken(KEY, "approval", "ask") };
    const closed = { type: "closed", approval: { end: { decision: "approved", by: "Ada" } } };
    expect(await decideByLink(world.services, used, "reject", null)).toMatchObject(closed);
    expect(await viewApproval(world.services, used)).toMatchObject(closed);
    expect(await viewApproval(world.services, link(recorded.id))).toEqual({ type: "unknown" });
    const forOther = { ...used, step: "par[0].ask" };
    expect(await viewApproval(world.services, forOther)).toEqual({ type: "unknown" });
  });

  it("does not take the history's silence for an answer", async () => {
    const world = services([ask], "decided", new Error("D1 is away"));
    expect(await viewApproval(world.services, link(world.executionId))).toEqual({ type: "unavailable" });
  });

  it("opens nothing where there is nothing, and asks nobody about an id that is none", async () => {
    const world = services([ask]);
    expect(await viewApproval(world.services, link(world.executionId))).toEqual({ type: "unknown" });
    const nobody = { actors: { of: () => Promise.reject(new Error("asked")) } } as unknown as Services;
    expect(await viewApproval(nobody, link("../x"))).toEqual({ type: "unknown" });
    expect(await decideByLink(nobody, link("exe_x"), "approve", null)).toEqual({ type: "unknown" });
  });

  it("says that nothing was decided while the actor is away", async () => {
    const world = services([ask], new Error("moved"));
    expect(await decideByLink(world.services, link(world.executionId), "approve", null)).toEqual({
      type: "unavailable",
    });
  });
});
