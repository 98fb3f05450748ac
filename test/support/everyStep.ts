/**
 * A job of twelve steps with every type among them, its two children and its target, whose every request can be held or
 * cut; and the books of its executions: what each step and the target must show afterwards.
 */

import { attemptOf, type EngineApi, type WireAttempt, type WireExecution } from "./engineApi.ts";
import type { Arrival, Behaviour, TargetServer } from "./targetServer.ts";

/** A lease lasts 15 s longer. */
export const TIMEOUT_SECONDS = 2;

export interface WireStep {
  readonly path: string;
  readonly status: string;
  readonly output: unknown;
  readonly attempts: readonly WireAttempt[];
  readonly child?: string;
}

export interface WireRun extends WireExecution {
  readonly step_executions: readonly WireStep[];
  readonly children: readonly { readonly execution_id: string }[];
  readonly parent: { readonly execution_id: string; readonly step: string } | null;
  readonly final_output: unknown;
}

/** What a target's path is asked for by: a step of the execution itself, or of its child. */
const STEP_OF: Readonly<Record<string, string>> = {
  "/fetch": "fetch",
  "/yes": "check.then.yes",
  "/left": "both[0].left",
  "/right": "both[1].right",
  "/each/0": "loop[0].each",
  "/each/1": "loop[1].each",
  "/report": "report",
};
const CHILD_OF: Readonly<Record<string, string>> = { "/child": "child", "/told": "told" };
/** The step of both children. */
const CHILD_STEP = "work";

/** In the order in which an execution asks; each a boundary that its target sees. */
export const REQUESTS = ["/fetch", "/yes", "/left", "/right", "/each/0", "/each/1", "/child", "/told", "/report"];

/** Every step with its end, in any order. */
const ENDS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.values({ ...STEP_OF, ...CHILD_OF }).map((path) => [path, "succeeded"])),
  ...Object.fromEntries(["shape", "check", "both", "loop", "pause", "hook", "sign_off", "end"].map((path) => [path, "succeeded"])),
  "check.else.no": "skipped",
}; // prettier-ignore

export interface EveryStep {
  readonly jobId: string;
  readonly childJobs: readonly string[];
  /** Starts an execution; a `pause` that asks for it lasts until `pauseUntilMs`. */
  start(pauseUntilMs?: number): Promise<string>;
}

/** How long the `wait` lasts, where each execution says so itself. */
export const AS_TOLD = { until: "{{input.pause_until}}" };

/** `origin` is the target's address. */
export async function createEveryStep(
  api: EngineApi,
  origin: string,
  pause: typeof AS_TOLD | { readonly duration_seconds: number },
): Promise<EveryStep> {
  const request = (id: string, path: string, of = "{{execution_id}}") => ({
    type: "http",
    id,
    url: `${origin}${path}?of=${of}`,
    timeout_seconds: TIMEOUT_SECONDS,
    retry_policy: { max_attempts: 10, backoff: { type: "fixed", initial_ms: 100 } },
  });
  const create = async (name: string, steps: readonly unknown[], more: Readonly<Record<string, unknown>>) => {
    const job = await api.must("POST", "/v1/jobs", { name, kind: "workflow", concurrency_limit: 50, steps, ...more });
    return (job as { id: string }).id;
  };
  const child = (name: string) =>
    create(name, [request(CHILD_STEP, `/${name}`, "{{input.of}}")], {
      response_output_template: { from: "{{steps.work.output.path}}" },
    });
  const [childId, toldId] = [await child("child"), await child("told")];
  const fetch = request("fetch", "/fetch");
  const steps = [
    { ...fetch, url: `${fetch.url}&hook={{waits.hook.url}}`, extract: { first: "$.path" } },
    { type: "transform", id: "shape", value: { path: "{{steps.fetch.output.path}}" } },
    {
      type: "condition",
      id: "check",
      if: { left: "{{steps.shape.output.path}}", operator: "eq", right: "/fetch" },
      then: [request("yes", "/yes")],
      else: [request("no", "/no")],
    },
    { type: "parallel", id: "both", branches: [[request("left", "/left")], [request("right", "/right")]] },
    { type: "for_each", id: "loop", items: ["0", "1"], max_concurrency: 1, steps: [request("each", "/each/{{item}}")] },
    { type: "run_job", id: "child", job_id: childId, input: { of: "{{execution_id}}" } },
    { type: "run_job", id: "told", job_id: toldId, input: { of: "{{execution_id}}" }, wait: false },
    { type: "wait", id: "pause", ...pause },
    { type: "wait_for_webhook", id: "hook" },
    { type: "approval", id: "sign_off", message: "Write {{steps.hook.output.n}}?" },
    { ...request("report", "/report"), method: "POST", body: { each: "{{steps.loop.output.results}}" } },
    { type: "transform", id: "end", value: { by: "{{steps.sign_off.output.decision}}", n: "{{steps.hook.output.n}}" } },
  ];
  const jobId = await create("every step", steps, {
    response_output_template: {
      context: "{{context.first}}",
      each: "{{steps.loop.output.results}}",
      child: "{{steps.child.output.output}}",
      end: "{{steps.end.output}}",
    },
  });
  return {
    jobId,
    childJobs: [childId, toldId],
    start: async (pauseUntilMs = 0) => {
      const input = { pause_until: new Date(pauseUntilMs).toISOString() };
      const started = await api.must("POST", `/v1/jobs/${jobId}/run-now`, { input });
      return (started as WireExecution).id;
    },
  };
}

const FINAL_OUTPUT = {
  context: "/fetch",
  each: [{ each: { path: "/each/0" } }, { each: { path: "/each/1" } }],
  child: { from: "/child" },
  end: { by: "approved", n: 1 },
};

/** Of an arrival: the execution of the job itself that it belongs to. */
export function originOf(arrival: Arrival): string {
  return new URL(arrival.path, "http://target").searchParams.get("of") ?? "";
}

/** The path part of the callback URL that the first request carries; `null` while none has arrived. */
export function hookPathOf(target: TargetServer, executionId: string): string | null {
  const arrival = target.arrivalsAt("/fetch").find((each) => originOf(each) === executionId);
  const url = arrival && new URL(arrival.path, "http://target").searchParams.get("hook");
  return url ? new URL(url).pathname : null;
}

/** `onAnswered` is told when the answer has left. */
export function answerOf(path: string, onAnswered?: () => void): Behaviour {
  return {
    kind: "handle",
    handle: (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ path }), onAnswered);
    },
  };
}

export interface RunAudit {
  readonly complaints: readonly string[];
  readonly arrivals: number;
  /** Arrivals beyond the first for their step, each explained by the attempt before it. */
  readonly repeated: number;
}

/** Everything in which an execution, its children and the target disagree with one run of each step. */
export async function auditRun(api: EngineApi, target: TargetServer, executionId: string): Promise<RunAudit> {
  const run = (await api.execution(executionId)) as WireRun;
  const complaints: string[] = [];
  const complain = (text: string) => void complaints.push(`${executionId} ${text}`);
  if (run.status !== "succeeded") complain(`is ${run.status}: ${JSON.stringify(run.error)}`);
  const paths = run.step_executions.map(({ path }) => path);
  if (new Set(paths).size !== paths.length) complain(`has a step twice: ${paths.join(", ")}`);
  const ends = Object.fromEntries(run.step_executions.map(({ path, status }) => [path, status]));
  if (sorted(ends) !== sorted(ENDS)) complain(`has steps that ended otherwise: ${sorted(ends)}`);
  if (sorted(run.final_output) !== sorted(FINAL_OUTPUT)) complain(`gave ${JSON.stringify(run.final_output)}`);

  const arrivals = target.arrivals.filter((each) => originOf(each) === executionId);
  let repeated = 0;
  const account = (path: string, { attempts }: WireStep) => {
    const seen = arrivals.filter((each) => each.path.startsWith(`${path}?`)).map(attemptOf);
    if (seen.length === 0) complain(`never asked ${path}`);
    if (new Set(seen).size !== seen.length) complain(`asked ${path} twice under one number: ${seen.join(", ")}`);
    for (const number of seen.toSorted((a, b) => a - b).slice(0, -1)) {
      const attempt = attempts[number - 1];
      const isExplained = attempt?.errorClass === "worker_lost" || attempt?.status === "TIMEOUT" || attempt?.late;
      if (isExplained) repeated += 1;
      else complain(`asked ${path} again after ${JSON.stringify(attempt)}`);
    }
    if (Math.max(...seen) > attempts.length) complain(`asked ${path} more often than its step says`);
  };
  const at = (path: string) => run.step_executions.find((each) => each.path === path);
  for (const [path, step] of Object.entries(STEP_OF)) {
    const record = at(step);
    if (record) account(path, record);
  }
  for (const [path, step] of Object.entries(CHILD_OF)) {
    const childId = at(step)?.child;
    const child = childId === undefined ? null : ((await api.execution(childId)) as WireRun);
    const work = child?.step_executions.find((each) => each.path === CHILD_STEP);
    if (child?.status !== "succeeded" || !work) complain(`has at ${step} the child ${JSON.stringify(child)}`);
    else account(path, work);
    if (child?.parent?.execution_id !== executionId || child.parent.step !== step) complain(`is no parent at ${step}`);
  }
  if (run.children.length !== Object.keys(CHILD_OF).length) complain(`has ${run.children.length} children`);
  return { complaints, arrivals: arrivals.length, repeated };
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
