/** A whole Carillon instance for black-box tests: the built Worker in processes of its own, with its data on disk. */

import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiFailure, callApi } from "../../scripts/lib/client.ts";
import { parseEvent } from "../../scripts/lib/executionLines.ts";
import type { FromInstance, InstanceProcessOptions, ToInstance } from "../../scripts/lib/instanceProcess.ts";
import { descendantsOf, identify, isRunning, killNow } from "../../scripts/lib/processes.ts";
import { ROOT } from "../../scripts/lib/paths.ts";
import { buildWorkerIfStale } from "../../scripts/lib/workerBundle.ts";

export interface InstanceOptions {
  /** Kept after `stop`; without one, a temporary directory that `stop` removes. */
  readonly stateDir?: string;
  /** 0, the default, takes any free port: a new one with each restart. */
  readonly port?: number;
  /** Text bindings, over the defaults (ADMIN_TOKEN, MASTER_KEY, ALLOW_PRIVATE_TARGETS). */
  readonly vars?: Readonly<Record<string, string>>;
  /** Another Worker than the built one, such as a benchmark's skeleton; implies `workspace: false`. */
  readonly other?: InstanceProcessOptions["other"];
  /** `false` leaves the workspace and its owner token to the test. */
  readonly workspace?: boolean;
}

/** A line of the Worker's log: its JSON object, or `{ event: "text", … }` for what was not JSON. */
export interface LogEvent {
  readonly event: string;
  readonly level: string;
  /** When it was written, epoch milliseconds. */
  readonly atMs: number;
  readonly [field: string]: unknown;
}

export interface ApiResponse {
  readonly status: number;
  /** The parsed body; its text when it is not JSON. */
  readonly json: any; // oxlint-disable-line typescript/no-explicit-any -- read by tests, which assert its shape
  readonly headers: Headers;
}

export interface TestInstance {
  /** Without a trailing slash; another one after a restart, unless a port was asked for. */
  readonly url: string;
  readonly stateDir: string;
  readonly adminToken: string;
  /** Empty strings with `workspace: false`. */
  readonly ownerToken: string;
  readonly workspaceId: string;
  /** Node's first, then workerd's. */
  readonly pids: readonly number[];
  /** Everything logged since the first start, restarts included. */
  readonly logs: readonly LogEvent[];
  /** As the owner, unless another token is given; `null` sends none. A string is sent as it is, anything else as JSON. */
  api(
    method: string,
    path: string,
    body?: unknown,
    extra?: { readonly token?: string | null; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<ApiResponse>;
  /** Resolves to the first line, old or new, for which `predicate` holds; rejects when none comes in time. */
  waitForLog(predicate: (event: LogEvent) => boolean, deadlineMs?: number): Promise<LogEvent>;
  /** Fires the cron trigger, and resolves when its handler has ended. */
  runScheduled(cron?: string): Promise<void>;
  /** Ends everything and keeps the data for `restart`, if the state directory was given. */
  stop(): Promise<void>;
  /** A power cut: SIGKILL for Node and workerd at once. The data stays. */
  kill(): Promise<void>;
  /** Starts again on the same data; kills first if it still runs. */
  restart(): Promise<void>;
}

const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;
const LOG_DEADLINE_MS = 10_000;
const POLL_MS = 20;
const WATCHDOG_CRON = "*/5 * * * *";
const PROCESS_MODULE = join(ROOT, "scripts", "lib", "instanceProcess.ts");

export async function startInstance(options: InstanceOptions = {}): Promise<TestInstance> {
  if (options.other === undefined) await buildWorkerIfStale();
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), "carillon-test-")));
  const adminToken = options.vars?.["ADMIN_TOKEN"] ?? randomBytes(24).toString("base64url");
  const processOptions: InstanceProcessOptions = {
    stateDir,
    port: options.port ?? 0,
    bindings: {
      ADMIN_TOKEN: adminToken,
      MASTER_KEY: randomBytes(32).toString("base64"),
      ALLOW_PRIVATE_TARGETS: "true",
      ...options.vars,
    },
    ...(options.other === undefined ? {} : { other: options.other }),
  };
  const log = createLog();

  let running = await startProcess(processOptions, log.add);
  let workspace = { id: "", ownerToken: "" };
  if (options.workspace ?? options.other === undefined) {
    try {
      workspace = await createWorkspace(running.url, adminToken);
    } catch (error) {
      await running.kill();
      throw error;
    }
  }

  return {
    get url() {
      return running.url;
    },
    get pids() {
      return running.pids();
    },
    stateDir,
    adminToken,
    ownerToken: workspace.ownerToken,
    workspaceId: workspace.id,
    logs: log.events,
    waitForLog: log.waitFor,
    api: async (method, path, body, extra = {}) => {
      const token = extra.token === undefined ? workspace.ownerToken : extra.token;
      const response = await fetch(`${running.url}${path}`, {
        method,
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...extra.headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, json: parseJson(text), headers: response.headers };
    },
    runScheduled: (cron = WATCHDOG_CRON) => running.runScheduled(cron),
    stop: async () => {
      await running.stop();
      if (options.stateDir === undefined) await rm(stateDir, { recursive: true, force: true });
    },
    kill: () => running.kill(),
    restart: async () => {
      await running.kill();
      running = await startProcess(processOptions, log.add);
    },
  };
}

async function createWorkspace(url: string, adminToken: string): Promise<{ id: string; ownerToken: string }> {
  const answer = await callApi(url, {
    method: "POST",
    path: "/v1/workspaces",
    token: adminToken,
    body: { name: "test" },
  });
  if (answer.status !== 201) throw apiFailure("The test's workspace could not be created", answer);
  const created = answer.json as { workspace: { id: string }; token: { token: string } };
  return { id: created.workspace.id, ownerToken: created.token.token };
}

interface RunningProcess {
  readonly url: string;
  pids(): readonly number[];
  runScheduled(cron: string): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

async function startProcess(
  options: InstanceProcessOptions,
  onLog: (event: LogEvent) => void,
): Promise<RunningProcess> {
  const child = fork(PROCESS_MODULE, [], { cwd: ROOT, stdio: ["ignore", "ignore", "pipe", "ipc"] });
  const pid = child.pid;
  if (pid === undefined) throw new Error("The instance's process could not be started.");
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  child.on("message", (message: FromInstance) => {
    if (message.type === "log") onLog(toLogEvent(message.line));
  });

  const tell = (message: ToInstance) => child.send(message);
  const pids = () => (child.exitCode === null && child.signalCode === null ? [pid, ...descendantsOf(pid)] : []);
  const kill = async () => {
    // All at once, Node first: Miniflare would start a new workerd for one that dies under it.
    const ids = pids();
    const processes = ids.map(identify).filter((id) => id !== null);
    killNow(ids);
    await until(() => !processes.some(isRunning), STOP_DEADLINE_MS, "the killed processes to be gone");
  };

  tell({ type: "start", options });
  try {
    const ready = await nextMessage(child, "ready", START_DEADLINE_MS);
    return {
      url: ready.url,
      pids,
      kill,
      runScheduled: async (cron) => {
        tell({ type: "runScheduled", cron });
        const { problem } = await nextMessage(child, "scheduled", START_DEADLINE_MS);
        if (problem !== null) throw new Error(problem);
      },
      stop: async () => {
        const processes = pids()
          .map(identify)
          .filter((id) => id !== null);
        if (child.connected) tell({ type: "stop" });
        try {
          await until(() => !processes.some(isRunning), STOP_DEADLINE_MS, "the instance to stop");
        } finally {
          await kill();
        }
      },
    };
  } catch (error) {
    await kill();
    throw new Error(`The instance did not start.\n${stderr}`, { cause: error });
  }
}

/** The next message of this type; rejects when the process fails or ends first, or takes too long. */
function nextMessage<T extends FromInstance["type"]>(
  child: ChildProcess,
  type: T,
  deadlineMs: number,
): Promise<Extract<FromInstance, { type: T }>> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      child.off("message", onMessage).off("exit", onExit);
      outcome();
    };
    const onMessage = (message: FromInstance) => {
      if (message.type === type) settle(() => resolve(message as Extract<FromInstance, { type: T }>));
      else if (message.type === "failed") settle(() => reject(new Error(message.problem)));
    };
    const onExit = (code: number | null, signal: string | null) => {
      settle(() => reject(new Error(`The instance's process ended (${signal ?? code}) before "${type}" came.`)));
    };
    const timer = setTimeout(() => {
      settle(() => reject(new Error(`"${type}" did not come within ${deadlineMs} ms.`)));
    }, deadlineMs);
    child.on("message", onMessage).on("exit", onExit);
  });
}

function createLog() {
  const events: LogEvent[] = [];
  const waiters = new Set<(event: LogEvent) => void>();
  return {
    events: events as readonly LogEvent[],
    add: (event: LogEvent) => {
      events.push(event);
      for (const tellWaiter of waiters) tellWaiter(event);
    },
    waitFor: (predicate: (event: LogEvent) => boolean, deadlineMs = LOG_DEADLINE_MS) =>
      new Promise<LogEvent>((resolve, reject) => {
        const found = events.find(predicate);
        if (found !== undefined) {
          resolve(found);
          return;
        }
        const check = (event: LogEvent) => {
          if (!predicate(event)) return;
          clearTimeout(timer);
          waiters.delete(check);
          resolve(event);
        };
        const timer = setTimeout(() => {
          waiters.delete(check);
          const last = events.slice(-10).map((event) => JSON.stringify(event));
          reject(
            new Error(`The awaited line was not logged within ${deadlineMs} ms; the last ones:\n${last.join("\n")}`),
          );
        }, deadlineMs);
        waiters.add(check);
      }),
  };
}

function toLogEvent(line: { readonly level: string; readonly text: string; readonly atMs: number }): LogEvent {
  const fields = parseEvent(line.text);
  return fields === null
    ? { event: "text", level: line.level, atMs: line.atMs, text: line.text }
    : { event: "json", level: line.level, atMs: line.atMs, ...fields };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Resolves as soon as `condition` holds; rejects when it does not within `deadlineMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  deadlineMs: number,
  what: string,
): Promise<void> {
  const endMs = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`Waited ${deadlineMs} ms in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
