/** A workspace of its own for each test file, and calls to the API as a client makes them. */

import { exports } from "cloudflare:workers";

export const ORIGIN = "https://carillon.test";
export const OPERATOR_TOKEN = "test-operator-token";

/** Nothing listens there: an attempt fails at once, and no job of a test reaches anybody. */
export const TARGET = "http://127.0.0.1:59999/";

/** Far enough that no test waits for it, so that a job can be looked at in peace. */
export const LATER = "2090-01-01T00:00:00.000Z";

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // The shapes are what the tests are about.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export interface CallOptions {
  readonly token?: string | null;
  /** JSON, unless it is a string, which is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
  const headers = new Headers(options.headers);
  if (options.token) headers.set("authorization", `Bearer ${options.token}`);
  const { body } = options;
  if (body !== undefined && typeof body !== "string" && !headers.has("content-type")) {
    headers.set("content-type", "application/json");
  }
  const response = await exports.default.fetch(
    new Request(ORIGIN + path, {
      method,
      headers,
      redirect: "manual",
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    }),
  );
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

export interface TestWorkspace {
  readonly id: string;
  readonly owner: string;
  readonly admin: string;
  readonly member: string;
  /** Calls with the owner's token. */
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  /** Creates a job that does not fire by itself, with the changes given. */
  createJob(changes?: Readonly<Record<string, unknown>>): Promise<{ readonly id: string } & Record<string, unknown>>;
}

export async function createWorkspace(name = "acme"): Promise<TestWorkspace> {
  const created = await call("POST", "/v1/workspaces", { token: OPERATOR_TOKEN, body: { name } });
  const owner: string = created.body.token.token;
  const tokenOf = async (role: string): Promise<string> => {
    const reply = await call("POST", "/v1/tokens", { token: owner, body: { name: role, role } });
    return reply.body.token;
  };
  const workspace: TestWorkspace = {
    id: created.body.workspace.id,
    owner,
    admin: await tokenOf("admin"),
    member: await tokenOf("member"),
    call: (method, path, options) => call(method, path, { token: owner, ...options }),
    async createJob(changes = {}) {
      const body = {
        name: "job",
        kind: "scheduled",
        schedule: { run_at: LATER },
        request: { url: TARGET },
        ...changes,
      };
      const reply = await call("POST", "/v1/jobs", { token: owner, body });
      if (reply.status !== 201) throw new Error(JSON.stringify(reply.body));
      return reply.body;
    },
  };
  return workspace;
}

/** Jobs with steps that park, and what they showed of their links before they did. */
export interface Parked {
  readonly executionId: string;
  readonly jobId: string;
  /** What the first step, `links`, came to. */
  readonly links: Readonly<Record<string, string>>;
}

/** Starts a job whose first step shows links and whose second one parks, and waits until it has. */
export async function park(
  workspace: TestWorkspace,
  links: Readonly<Record<string, string>>,
  ...steps: readonly Readonly<Record<string, unknown>>[]
): Promise<Parked> {
  const shown = { id: "links", type: "transform", value: links };
  const job = await workspace.createJob({
    kind: "workflow",
    schedule: undefined,
    request: undefined,
    steps: [shown, ...steps],
  });
  const started = await workspace.call("POST", `/v1/jobs/${job.id}/run-now`, { body: { input: { a: 1 } } });
  const executionId: string = started.body.id;
  const parked = await eventually(
    () => workspace.call("GET", `/v1/executions/${executionId}`),
    ({ body }) => body.status === "waiting",
  );
  return { executionId, jobId: job.id, links: parked.body.step_executions[0].output };
}

/** A link as the engine made it, as a path of this instance. */
export function pathOf(link: string | undefined): string {
  const { pathname, search } = new URL(link ?? "", ORIGIN);
  return pathname + search;
}

/** Asks again until the reply is as it should be; lists may be two seconds behind. */
export async function eventually(ask: () => Promise<Reply>, isThere: (reply: Reply) => boolean): Promise<Reply> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const reply = await ask();
    if (isThere(reply)) return reply;
    if (Date.now() > deadline) throw new Error(`Not in time; the last reply was ${JSON.stringify(reply.body)}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

export function paths(reply: Reply): string[] {
  return reply.body.error.details.map((detail: { path: string }) => detail.path);
}
