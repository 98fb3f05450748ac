/** Where the CPU goes, isolate by isolate: V8's sampling profiler through workerd's inspector. */

import { readFileSync } from "node:fs";
import { WORKER_BUNDLE } from "../../scripts/lib/paths.ts";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** The node that was running at each tick. */
  readonly samples: readonly number[];
}

interface Session {
  readonly isolate: string;
  send(method: string, params?: object): Promise<unknown>;
  close(): void;
}

/** Fine enough for calls of a fraction of a millisecond, coarse enough to leave the numbers recognisable. */
const INTERVAL_MICROSECONDS = 500;
const FUNCTIONS_MOST = 40;
/**
 * The Worker with its objects, D1, the queue, and what fetches go through. Each watched isolate has a sampler of its own,
 * and all interrupt the one thread that runs them: with many, ticks get lost.
 */
const WATCHED = /^(core:user:.*|d1:db|queues:queue|outbound:0)$/;
/** An isolate that used less than this is not worth a table. */
const LEAST_SHARE = 0.005;
/** Frames in which no JavaScript runs. */
const IDLE = new Set(["(idle)", "(root)"]);

/** Does `work` under the profiler and prints, for each isolate, the functions with the most time of their own. */
export async function profiled<T>(inspectorUrl: URL, work: () => Promise<T>, say: (text: string) => void): Promise<T> {
  const listed = await fetch(new URL("/json/list", inspectorUrl.href.replace(/^ws/, "http")));
  const all = (await listed.json()) as { id: string; webSocketDebuggerUrl: string }[];
  const isolates = all.filter(({ id }) => WATCHED.test(id));
  const sessions = await Promise.all(isolates.map((each) => connect(each.id, each.webSocketDebuggerUrl)));
  try {
    for (const session of sessions) {
      await session.send("Profiler.enable");
      await session.send("Profiler.setSamplingInterval", { interval: INTERVAL_MICROSECONDS });
      await session.send("Profiler.start");
    }
    const startedAtMs = performance.now();
    const result = await work();
    const elapsedMs = performance.now() - startedAtMs;
    for (const session of sessions) {
      const { profile } = (await session.send("Profiler.stop")) as { profile: Profile };
      const table = renderProfile(session.isolate, profile, elapsedMs);
      if (table !== null) say(table);
    }
    return result;
  } finally {
    for (const session of sessions) session.close();
  }
}

async function connect(isolate: string, url: string): Promise<Session> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  const opened = Promise.withResolvers<void>();
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("error", () => opened.reject(new Error(`The inspector of ${isolate} cannot be reached.`)));
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } };
    if (message.id === undefined) return;
    const answer = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error === undefined) answer?.resolve(message.result);
    else answer?.reject(new Error(`${isolate}: ${message.error.message}`));
  });
  await opened.promise;
  return {
    isolate,
    send: (method, params = {}) => {
      lastId += 1;
      const answer = Promise.withResolvers<unknown>();
      waiting.set(lastId, answer);
      socket.send(JSON.stringify({ id: lastId, method, params }));
      return answer.promise;
    },
    close: () => socket.close(),
  };
}

/**
 * `null` for an isolate that hardly ran. Ticks are counted, not the times between them: an isolate is only sampled while
 * it runs, so the first tick after a pause would be charged with the whole pause.
 */
function renderProfile(isolate: string, profile: Profile, elapsedMs: number): string | null {
  const names = namesOf(isolate, profile.nodes);
  const selfMs = new Map<string, number>();
  for (const nodeId of profile.samples) {
    const name = names.get(nodeId);
    if (name === undefined) continue;
    selfMs.set(name, (selfMs.get(name) ?? 0) + INTERVAL_MICROSECONDS / 1_000);
  }
  const busyMs = [...selfMs.values()].reduce((sum, ms) => sum + ms, 0);
  if (busyMs < elapsedMs * LEAST_SHARE) return null;
  const top = [...selfMs].toSorted(([, a], [, b]) => b - a).slice(0, FUNCTIONS_MOST);
  const percent = (ms: number) => `${((100 * ms) / busyMs).toFixed(1)} %`.padStart(8);
  return [
    `profile of ${isolate}: busy ${(busyMs / 1_000).toFixed(1)} s of ${(elapsedMs / 1_000).toFixed(1)} s, of which`,
    ...top.map(([name, ms]) => `${percent(ms)}  ${name}`),
  ].join("\n");
}

/** By node, but for those that stand for idleness. What the platform does natively is named with who called it. */
function namesOf(isolate: string, nodes: readonly ProfileNode[]): Map<number, string> {
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)));
  const names = new Map<number, string>();
  for (const node of nodes) {
    const { functionName } = node.callFrame;
    if (IDLE.has(functionName)) continue;
    let caller: ProfileNode | undefined = node;
    while (caller !== undefined && caller.callFrame.lineNumber < 0) caller = parents.get(caller.id);
    const called = functionName || "(anonymous)";
    if (caller === node) names.set(node.id, `${called}  ${placeOf(isolate, node.callFrame)}`);
    else if (caller === undefined) names.set(node.id, called);
    else {
      const by = caller.callFrame.functionName || "(anonymous)";
      names.set(node.id, `${called} ← ${by}  ${placeOf(isolate, caller.callFrame)}`);
    }
  }
  return names;
}

function placeOf(isolate: string, { url, lineNumber }: ProfileNode["callFrame"]): string {
  const source = isolate === "core:user:carillon" ? sourceAt(lineNumber) : null;
  return source ?? `${url.split("/").at(-1) ?? ""}:${lineNumber + 1}`;
}

let sources: readonly string[] | null = null;

/** The file that a line of the bundle came from: esbuild writes its path above what it took of each file. */
function sourceAt(lineNumber: number): string | null {
  if (sources === null) {
    let current = "";
    sources = readFileSync(WORKER_BUNDLE, "utf8")
      .split("\n")
      .map((line) => {
        const path = /^\/\/ (\S+\.[cm]?[jt]s)$/.exec(line)?.[1];
        if (path !== undefined) current = path;
        return current;
      });
  }
  return sources[lineNumber] ?? null;
}
