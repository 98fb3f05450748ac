/**
 * Kill -9 at each step boundary of a workflow of twelve steps with every type: Node and workerd die together and start
 * again on the same data. A boundary is a moment that the target or the API shows: a request has arrived, an answer has
 * left, a step waits, a call or a decision was confirmed. Steps that take no time (a transform, a condition, the end of a
 * container) end in the commit of the step before them, so theirs is the boundary of the next step that takes time.
 *
 * One story brings many executions, each to another boundary, and then kills once; the others, in the full form, take one
 * execution along and kill it at every boundary in turn.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type EngineApi, engineApi } from "../../support/engineApi.ts";
import {
  answerOf,
  AS_TOLD,
  auditRun,
  createEveryStep,
  type EveryStep,
  hookPathOf,
  originOf,
  REQUESTS,
  type RunAudit,
  type WireRun,
} from "../../support/everyStep.ts";
import { startInstance, type TestInstance, until } from "../../support/instance.ts";
import { type Arrival, startTargetServer, type TargetServer } from "../../support/targetServer.ts";
import { FULL, report } from "./faultRun.ts";

/** Far above a lease (17 s) and a message that was lost (30 s); a wait ends as soon as its condition holds. */
const DEADLINE_MS = 90_000;
/** Longer than it takes all executions to come to their boundaries, and an instance to start. */
const PAUSE_MS = 20_000;

const PARKED = ["pause", "hook", "sign_off"];
/** Confirmed, and killed at once. */
const CONFIRMED = ["hook called", "sign_off decided"];

interface Stage {
  readonly instance: TestInstance;
  readonly target: TargetServer;
  readonly api: EngineApi;
  readonly job: EveryStep;
  /** Calls and decisions that were confirmed, as `execution/step`: none is needed twice. */
  readonly given: Set<string>;
}

/** An instance of its own for each story, so that they can be told at the same time. */
async function onItsOwn(
  pause: Parameters<typeof createEveryStep>[2],
  story: (stage: Stage) => Promise<void>,
): Promise<void> {
  const stateDir = await mkdtemp(join(tmpdir(), "carillon-steps-"));
  const [instance, target] = await Promise.all([startInstance({ stateDir }), startTargetServer()]);
  try {
    const api = engineApi(instance);
    await story({ instance, target, api, job: await createEveryStep(api, target.url, pause), given: new Set() });
  } finally {
    await instance.stop();
    await target.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

async function statusAt({ api }: Stage, executionId: string, step: string): Promise<string | null> {
  const run = (await api.execution(executionId)) as WireRun;
  return run.step_executions.find(({ path }) => path === step)?.status ?? null;
}

function giveOnce({ given }: Stage, executionId: string, step: string): void {
  const gift = `${executionId}/${step}`;
  if (given.has(gift)) throw new Error(`What ${gift} was given before was lost: it waits again.`);
  given.add(gift);
}

async function callHook(stage: Stage, executionId: string): Promise<void> {
  const { instance, target } = stage;
  giveOnce(stage, executionId, "hook");
  const path = hookPathOf(target, executionId);
  if (path === null) throw new Error(`${executionId} has not told its callback URL.`);
  const answer = await instance.api("POST", path, { n: 1 }, { token: null });
  if (answer.status >= 300) throw new Error(`The call was answered ${answer.status}: ${JSON.stringify(answer.json)}`);
}

async function decide(stage: Stage, executionId: string): Promise<void> {
  giveOnce(stage, executionId, "sign_off");
  await stage.api.must("POST", `/v1/executions/${executionId}/steps/sign_off/approve`, { comment: "Checked." });
}

/** Lets an execution come to its end: whatever it still waits for, it is given. */
async function bringHome(stage: Stage, executionId: string): Promise<void> {
  const ended = async () => {
    const { status } = await stage.api.execution(executionId);
    if (status === "waiting" && (await statusAt(stage, executionId, "sign_off")) === "waiting")
      await decide(stage, executionId);
    else if (status === "waiting" && (await statusAt(stage, executionId, "hook")) === "waiting")
      await callHook(stage, executionId);
    return ["succeeded", "failed", "cancelled"].includes(status);
  };
  await until(ended, DEADLINE_MS, `${executionId} to end`);
}

/** The books of all executions, and of the children's jobs: no child ran that no execution has. */
async function expectBalanced(stage: Stage, title: string, ids: readonly string[]): Promise<void> {
  const { api, target, job } = stage;
  const audits: RunAudit[] = [];
  let complaints: string[] = [];
  const isBalanced = async () => {
    audits.length = 0;
    // The child that nobody waits for may end after its parent.
    for (const id of ids) audits.push(await auditRun(api, target, id));
    complaints = audits.flatMap((audit) => audit.complaints);
    for (const childJob of job.childJobs) {
      const listed = await api.list(childJob);
      if (listed.length !== ids.length) complaints.push(`${childJob} has ${listed.length} executions`);
    }
    return complaints.length === 0;
  };
  await until(isBalanced, DEADLINE_MS, "the books to balance").catch(() => undefined);
  const sum = (of: (audit: RunAudit) => number) => audits.reduce((total, audit) => total + of(audit), 0);
  report(title, {
    executions: ids.length,
    arrivals: sum(({ arrivals }) => arrivals),
    repeatedAfterLostAttempt: sum(({ repeated }) => repeated),
  });
  expect(complaints).toEqual([]);
}

describe.concurrent("kill -9 at each step boundary", () => {
  it("with one execution at each of them: every one goes on where it was", () =>
    onItsOwn(AS_TOLD, async (stage) => {
      const { instance, target, job } = stage;
      const boundaries = [...REQUESTS, ...PARKED, ...CONFIRMED];
      const boundaryOf = new Map<string, string>();
      let isHeld = true;
      for (const path of REQUESTS) {
        const isAt = (arrival: Arrival) => boundaryOf.get(originOf(arrival)) === path;
        target.on(path, (arrival) => (isHeld && isAt(arrival) ? { kind: "hang" } : answerOf(path)));
      }
      for (const boundary of boundaries) {
        const id = await job.start(boundary === "pause" ? Date.now() + PAUSE_MS : 0);
        boundaryOf.set(id, boundary);
      }
      const isThere = async (id: string, boundary: string): Promise<boolean> => {
        // Those that do not stop at it are called as early as can be: while their first request is under way.
        const isCalledEarly = boundary !== "hook" && boundary !== "hook called";
        if (isCalledEarly && !stage.given.has(`${id}/hook`)) {
          if (hookPathOf(target, id) === null) return false;
          await callHook(stage, id);
        }
        switch (boundary) {
          case "hook called":
            return (await statusAt(stage, id, "hook")) === "waiting";
          case "sign_off decided":
            return (await statusAt(stage, id, "sign_off")) === "waiting";
          case "/report":
            if ((await statusAt(stage, id, "sign_off")) === "waiting") await decide(stage, id);
        }
        if (!boundary.startsWith("/")) return (await statusAt(stage, id, boundary)) === "waiting";
        return target.arrivalsAt(boundary).some((arrival) => originOf(arrival) === id);
      };
      const allThere = async () => {
        const there = await Promise.all([...boundaryOf].map(([id, boundary]) => isThere(id, boundary)));
        return there.every(Boolean);
      };
      await until(allThere, DEADLINE_MS, "every execution to come to its boundary");
      const given = [...boundaryOf].filter(([, boundary]) => CONFIRMED.includes(boundary));
      await Promise.all(
        given.map(([id, boundary]) => (boundary === "hook called" ? callHook(stage, id) : decide(stage, id))),
      );
      await instance.kill();
      isHeld = false;
      await instance.restart();
      await Promise.all([...boundaryOf.keys()].map((id) => bringHome(stage, id)));
      await expectBalanced(stage, "kill -9, an execution at each boundary", [...boundaryOf.keys()]);
    }));

  it.runIf(FULL).each(["has arrived", "was answered"])(
    "with one execution, again and again: whenever a request %s, and wherever it waits",
    (moment) =>
      onItsOwn({ duration_seconds: PAUSE_MS / 1_000 }, async (stage) => {
        const { instance, target, job } = stage;
        const isArrival = moment === "has arrived";
        const answered = new Map<string, PromiseWithResolvers<void>>();
        for (const path of REQUESTS) {
          const once = Promise.withResolvers<void>();
          answered.set(path, once);
          target.on(path, isArrival ? [{ kind: "hang" }, answerOf(path)] : answerOf(path, () => once.resolve()));
        }
        const id = await job.start();
        let kills = 0;
        const crash = async () => {
          kills += 1;
          await instance.kill();
          await instance.restart();
        };
        const waiting = (step: string) =>
          until(async () => (await statusAt(stage, id, step)) === "waiting", DEADLINE_MS, `${step} to wait`);
        const requested = async (path: string) => {
          if (isArrival) await target.waitFor(() => target.arrivalsAt(path).length > 0, DEADLINE_MS);
          else await answered.get(path)?.promise;
          await crash();
        };

        for (const path of REQUESTS.filter((each) => each !== "/report")) await requested(path);
        for (const step of ["pause", "hook"]) {
          await waiting(step);
          await crash();
        }
        await callHook(stage, id);
        await crash();
        await waiting("sign_off");
        await crash();
        await decide(stage, id);
        await crash();
        await requested("/report");
        await bringHome(stage, id);
        expect(kills).toBe(REQUESTS.length + PARKED.length + CONFIRMED.length);
        await expectBalanced(stage, `kill -9, ${kills} times in one execution, whenever a request ${moment}`, [id]);
      }),
  );
});
