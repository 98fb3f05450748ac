import { describe, expect, it } from "vitest";
import { ALLOWED } from "../../../../test/workerd/compat/runsSeed.ts";
import { aJob, anExecution, aStepRecord, aToken, aWorkflow } from "../../../../test/workerd/db/builders.ts";
import type { Services } from "../../../app/services.ts";
import type { RestartRequest } from "../../../domain/engine/protocol.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import { TIMEOUT_CODES } from "../../../domain/execution/statusFilter.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { transform } from "../../../domain/workflow/workflow.fixture.ts";
import type { WorkspaceInput } from "../../operation.ts";
import { toRunId } from "../ids.ts";
import { cancelRun, restartRun, retryRun } from "./runActions.ts";
import { RUN_STATUSES } from "./runStatus.ts";

const ACTIONS = { cancel: cancelRun, retry: retryRun, restart: restartRun };
type Action = keyof typeof ACTIONS;

const JOB = aJob({
  schedule: { kind: "workflow", timing: null },
  steps: [transform("first", 1), transform("second", 2)],
});
const STEPS = [aStepRecord({ path: "first" }), aStepRecord({ path: "second", status: "failed" })];
const ENDED = anExecution(JOB, { source: "api", workflow: aWorkflow({ input: { a: 1 }, steps: STEPS }) });
const NEXT = anExecution(JOB, { source: "restart", status: "queued" });

const PICTURES: Readonly<Record<(typeof RUN_STATUSES)[number], Partial<Execution>>> = {
  pending: { status: "queued" },
  running: { status: "running" },
  suspended: { status: "waiting" },
  completed: { status: "succeeded" },
  failed: { status: "failed", error: { code: "http_status", message: "x" } },
  cancelled: { status: "cancelled", error: { code: "expired", message: "x" } },
  timeout: { status: "failed", error: { code: TIMEOUT_CODES[0] ?? "", message: "x" } },
};

/** An execution whose actor does whatever it is asked to. */
async function act(action: Action, original: Execution, body: JsonValue = {}) {
  const restarts: RestartRequest[] = [];
  const actor = {
    describe: async () => original,
    cancel: async () => ({ ...original, status: "cancelled" }),
    restart: async (request: RestartRequest) => {
      restarts.push(request);
      return { type: "started", execution: NEXT };
    },
  };
  const services = {
    executions: { find: async () => original },
    jobs: { find: async () => JOB },
    actors: { of: () => actor },
    ownAttempt: { hasRoom: () => false },
    report: () => undefined,
  } as unknown as Services;
  const endpoint = ACTIONS[action];
  const input = {
    services,
    workspaceId: JOB.workspaceId,
    token: aToken(JOB.workspaceId),
    id: toRunId(original.id),
    body: { type: "json", value: body },
  } as unknown as WorkspaceInput;
  const answer = await endpoint.handle(input);
  if (!answer.ok) throw new Error(JSON.stringify(answer.error));
  const { status, body: answered } = answer.value as { status: number; body: Record<string, unknown> };
  return { status, body: answered, restarts };
}

describe("which state allows what", () => {
  it.each(
    RUN_STATUSES.flatMap((status) =>
      (["cancel", "retry", "restart"] as const).map((action) => [action, status] as const),
    ),
  )("%s of one that is %s", async (action, status) => {
    const { body } = await act(action, { ...ENDED, ...PICTURES[status] }, { fromStepId: "second" });
    if (ALLOWED[action][status]) expect(body).toMatchObject({ success: true });
    else expect(body).toMatchObject({ success: false, error: { code: "INVALID_STATE" } });
  });
});

describe("a retry", () => {
  it("begins at the first step that failed, and names it", async () => {
    const failed = { ...ENDED, ...PICTURES.failed };
    const { status, body, restarts } = await act("retry", failed);
    expect(status).toBe(202);
    expect(body).toMatchObject({ data: { restartFromStepId: "second", newRunId: toRunId(NEXT.id) } });
    expect(restarts).toEqual([{ workspaceId: JOB.workspaceId, original: failed, fromStep: "second" }]);
  });
});

describe("a restart", () => {
  it("lays what it is given over the input", async () => {
    const { restarts } = await act("restart", ENDED, { fromStepId: "first", overrideInput: { a: 2 } });
    expect(restarts).toMatchObject([{ fromStep: "first", overrideInput: { a: 2 } }]);
  });

  it("lays it over the body of the webhook where one started the run", async () => {
    const triggerInput = { method: "POST", body: { a: 1, b: 1 } };
    const original = { ...ENDED, workflow: aWorkflow({ steps: STEPS, triggerInput }) };
    const { restarts } = await act("restart", original, { fromStepId: "first", overrideInput: { a: 2 } });
    expect(restarts[0]).not.toHaveProperty("overrideInput");
    expect(restarts[0]?.original.workflow?.triggerInput).toEqual({ method: "POST", body: { a: 2, b: 1 } });
  });
});

it("a cancellation that comes too late is refused like any other", async () => {
  const running: Execution = { ...ENDED, status: "running", finishedAtMs: null };
  const services = {
    executions: { find: async () => (looks++ === 0 ? running : ENDED) },
    actors: { of: () => ({ describe: async () => running, cancel: async () => null }) },
    report: () => undefined,
  } as unknown as Services;
  let looks = 0;
  const input = { services, workspaceId: JOB.workspaceId, id: toRunId(ENDED.id) } as unknown as WorkspaceInput;
  expect(await cancelRun.handle(input)).toMatchObject({
    value: {
      status: 400,
      body: { error: { code: "INVALID_STATE", message: "Can only cancel running or pending runs" } },
    },
  });
});
