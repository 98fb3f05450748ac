/** Where the CPU goes, isolate by isolate: V8's sampling profiler through workerd's inspector. */

import { readFileSync } from "node:fs";
import { WORKER_BUNDLE } from "../../scripts/lib/paths.ts";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
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
const FUNCTIONS_MOST = 25;
/** An isolate that used less than this is not worth a table. */
const LEAST_SHARE = 0.005;
/** Frames in which no JavaScript runs. */
const IDLE = new Set(["(idle)", "(root)"]);

/** Does `work` under the profiler and prints, for each isolate, the functions with the most time of their own. */
export async function profiled<T>(inspectorUrl: URL, work: () => Promise<T>, say: (text: string) => void): Promise<T> {
  const listed = await fetch(new URL("/json/list", inspectorUrl.href.replace(/^ws/, "http")));
  const isolates = (await listed.json()) as { id: string; webSocketDebuggerUrl: string }[];
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
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const selfMs = new Map<string, number>();
  for (const nodeId of profile.samples) {
    const frame = frames.get(nodeId);
    if (frame === undefined || IDLE.has(frame.functionName)) continue;
    const name = `${frame.functionName || "(anonymous)"}  ${placeOf(isolate, frame)}`;
    selfMs.set(name, (selfMs.get(name) ?? 0) + INTERVAL_MICROSECONDS / 1_000);
  }
  const busyMs = [...selfMs.values()].reduce((sum, ms) => sum + ms, 0);
  if (busyMs < elapsedMs * LEAST_SHARE) return null;
  const top = [...selfMs].toSorted(([, a], [, b]) => b - a).slice(0, FUNCTIONS_MOST);
  const percent = (ms: number) => `${((100 * ms) / elapsedMs).toFixed(1)} %`.padStart(8);
  return [
    `profile of ${isolate}: busy ${(busyMs / 1_000).toFixed(1)} s of ${(elapsedMs / 1_000).toFixed(1)} s`,
    ...top.map(([name, ms]) => `${percent(ms)}  ${name}`),
  ].join("\n");
}

function placeOf(isolate: string, { url, lineNumber }: ProfileNode["callFrame"]): string {
  if (lineNumber < 0) return "";
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
        const path = /^\/\/ ((?:src|node_modules)\/\S+)$/.exec(line)?.[1];
        if (path !== undefined) current = path;
        return current;
      });
  }
  return sources[lineNumber] ?? null;
}
