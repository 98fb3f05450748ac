/** A recording HTTP target on loopback: it notes each arrival and answers as scripted, well or badly. */

import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Arrival {
  readonly method: string;
  /** Path and query as sent. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: IncomingHttpHeaders;
  /** As sent: name, value, name, value. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** When the request line had arrived, epoch milliseconds. */
  readonly atMs: number;
  /** Resolves when the exchange is over: answered in full, or the sender has closed the connection. */
  readonly closed: Promise<void>;
}

export type Behaviour =
  | {
      readonly kind: "respond";
      readonly status?: number;
      readonly headers?: OutgoingHttpHeaders;
      readonly body?: string | Uint8Array;
      readonly delayMs?: number;
    }
  | { readonly kind: "redirect"; readonly to: string; readonly status?: 301 | 302 | 303 | 307 | 308 }
  /** Never answers; with `afterHeaders`, never sends the body that its headers promise. */
  | { readonly kind: "hang"; readonly afterHeaders?: boolean }
  /** Sends one byte per `everyMs`, for ever. */
  | { readonly kind: "drip"; readonly everyMs: number }
  /** Sends as fast as the reader takes: `bytes` of them, announced by Content-Length, or for ever. */
  | { readonly kind: "endless"; readonly bytes?: number; readonly headers?: OutgoingHttpHeaders }
  /** Resets the connection (RST): at once, or after the headers and some of the body. */
  | { readonly kind: "reset"; readonly afterHeaders?: boolean }
  | { readonly kind: "handle"; readonly handle: (request: IncomingMessage, response: ServerResponse) => void };

/** One behaviour, a list of them (one per arrival, the last one repeats), or a choice made when a request arrives. */
export type Script = Behaviour | readonly [Behaviour, ...Behaviour[]] | ((arrival: Arrival) => Behaviour);

export interface TargetServer {
  /** `http://127.0.0.1:<port>`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** In order of arrival; it grows while the server runs. */
  readonly arrivals: readonly Arrival[];
  /** Scripts a path (without query). A path that is not scripted answers 200 with `ok`. */
  on(path: string, script: Script): void;
  arrivalsAt(path: string): readonly Arrival[];
  /** Resolves as soon as `predicate` holds for the arrivals so far; rejects when it does not within `deadlineMs`. */
  waitFor(predicate: (arrivals: readonly Arrival[]) => boolean, deadlineMs?: number): Promise<readonly Arrival[]>;
  /** Closes every connection, also those that hang. */
  stop(): Promise<void>;
}

const DEFAULT_DEADLINE_MS = 5_000;
const CHUNK = Buffer.alloc(65_536, "x");
const OK: Behaviour = { kind: "respond", body: "ok" };

export async function startTargetServer(scripts: Readonly<Record<string, Script>> = {}): Promise<TargetServer> {
  const scriptsByPath = new Map<string, Script>(Object.entries(scripts));
  const arrivals: Arrival[] = [];
  const waiters = new Set<() => void>();

  const arrivalsAt = (path: string) => arrivals.filter((arrival) => pathOnly(arrival.path) === path);

  const server = createServer(async (request, response) => {
    const arrival = await record(request, response);
    arrivals.push(arrival);
    for (const check of waiters) check();
    const path = pathOnly(arrival.path);
    behave(choose(scriptsByPath.get(path), arrival, arrivalsAt(path).length - 1), request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    arrivals,
    arrivalsAt,
    on: (path, script) => void scriptsByPath.set(path, script),
    waitFor: (predicate, deadlineMs = DEFAULT_DEADLINE_MS) =>
      new Promise((resolve, reject) => {
        const settle = (outcome: () => void) => {
          clearTimeout(timer);
          waiters.delete(check);
          outcome();
        };
        const check = () => {
          if (predicate(arrivals)) settle(() => resolve(arrivals));
        };
        const giveUp = () => {
          const seen = arrivals.map(({ method, path }) => `${method} ${path}`).join(", ");
          reject(new Error(`The awaited arrivals did not come within ${deadlineMs} ms; seen: ${seen || "none"}`));
        };
        const timer = setTimeout(() => settle(giveUp), deadlineMs);
        waiters.add(check);
        check();
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function pathOnly(path: string): string {
  return path.split("?", 1)[0] ?? path;
}

async function record(request: IncomingMessage, response: ServerResponse): Promise<Arrival> {
  const atMs = Date.now();
  const closed = new Promise<void>((resolve) => response.on("close", resolve));
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    // The sender gave up in the middle of its body: what came of it has arrived all the same.
  }
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    body: Buffer.concat(chunks).toString("utf8"),
    atMs,
    closed,
  };
}

function choose(script: Script | undefined, arrival: Arrival, index: number): Behaviour {
  if (script === undefined) return OK;
  if (typeof script === "function") return script(arrival);
  if (!Array.isArray(script)) return script as Behaviour;
  return (script[Math.min(index, script.length - 1)] as Behaviour | undefined) ?? OK;
}

function behave(behaviour: Behaviour, request: IncomingMessage, response: ServerResponse): void {
  switch (behaviour.kind) {
    case "respond":
      afterDelay(response, behaviour.delayMs ?? 0, () => {
        response.writeHead(behaviour.status ?? 200, behaviour.headers ?? {}).end(behaviour.body ?? "");
      });
      return;
    case "redirect":
      response.writeHead(behaviour.status ?? 302, { location: behaviour.to }).end();
      return;
    case "hang":
      if (behaviour.afterHeaders === true) response.writeHead(200, { "content-length": 10 }).flushHeaders();
      return;
    case "drip":
      drip(response, behaviour.everyMs);
      return;
    case "endless":
      response.writeHead(200, {
        ...behaviour.headers,
        ...(behaviour.bytes === undefined ? {} : { "content-length": behaviour.bytes }),
      });
      pour(response, behaviour.bytes ?? Infinity);
      return;
    case "reset":
      if (behaviour.afterHeaders !== true) {
        request.socket.resetAndDestroy();
        return;
      }
      response.writeHead(200, { "content-length": 1_000 });
      response.write("some of it", () => request.socket.resetAndDestroy());
      return;
    case "handle":
      behaviour.handle(request, response);
      return;
  }
}

function afterDelay(response: ServerResponse, delayMs: number, act: () => void): void {
  if (delayMs <= 0) {
    act();
    return;
  }
  const timer = setTimeout(act, delayMs);
  response.on("close", () => clearTimeout(timer));
}

function drip(response: ServerResponse, everyMs: number): void {
  response.writeHead(200, { "content-type": "text/plain" });
  response.write(".");
  const timer = setInterval(() => response.write("."), everyMs);
  response.on("close", () => clearInterval(timer));
}

/** Writes until `bytes` are sent or the reader is gone, never faster than it reads. */
function pour(response: ServerResponse, bytes: number): void {
  let left = bytes;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      const chunk = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
      left -= chunk.length;
      if (!response.write(chunk)) return;
    }
    if (left <= 0) response.end();
  };
  response.on("drain", more);
  more();
}
