/**
 * The target that jobs call: answers a small JSON to everything, with as little work of its own as possible, because it
 * shares the machine with what is measured. `node:http` takes three times the CPU per request.
 */

import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { Arrival } from "./methods.ts";

export interface Target {
  readonly url: string;
  count(): number;
  arrivals(): readonly Arrival[];
  forget(options: { readonly details: boolean }): void;
}

/** Under this path the first two attempts of an execution fail. */
export const FLAKY_PATH = "/flaky";
const FLAKY_FAILURES = 2;

const HEAD_END = "\r\n\r\n";
const BODY = '{"ok":true}';
const OK = respond("200 OK");
const UNAVAILABLE = respond("503 Service Unavailable");

export async function startTarget(onArrival: (arrival: Arrival | null) => void): Promise<Target> {
  let count = 0;
  let details: Arrival[] | null = null;

  const arrive = (head: string): string => {
    count += 1;
    const arrival = details === null ? null : describe(head);
    if (arrival !== null) details?.push(arrival);
    onArrival(arrival);
    return isFailing(head) ? UNAVAILABLE : OK;
  };

  const server = createServer((socket) => serve(socket, arrive));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => count,
    arrivals: () => details ?? [],
    forget: (options) => {
      count = 0;
      details = options.details ? [] : null;
    },
  };
}

/** Requests with a body are understood by their `Content-Length`; nothing here sends chunks. */
function serve(socket: Socket, arrive: (head: string) => string): void {
  let received = "";
  let skipping = 0;
  socket.setNoDelay(true);
  socket.setEncoding("latin1");
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: string) => {
    received += chunk;
    for (;;) {
      const skipped = Math.min(skipping, received.length);
      received = received.slice(skipped);
      skipping -= skipped;
      const end = received.indexOf(HEAD_END);
      if (end < 0) return;
      const head = received.slice(0, end);
      received = received.slice(end + HEAD_END.length);
      skipping = Number(header(head, "content-length") ?? 0);
      socket.write(arrive(head));
    }
  });
}

function describe(head: string): Arrival {
  const due = header(head, "x-cron-service-scheduled-for");
  return {
    atMs: Date.now(),
    dueMs: due === null ? null : Date.parse(due),
    executionId: header(head, "x-cron-service-execution-id"),
  };
}

function isFailing(head: string): boolean {
  const path = head.slice(head.indexOf(" ") + 1);
  return path.startsWith(FLAKY_PATH) && Number(header(head, "x-cron-service-attempt") ?? 1) <= FLAKY_FAILURES;
}

function header(head: string, name: string): string | null {
  return new RegExp(`\\r\\n${name}: *([^\\r]*)`, "i").exec(head)?.[1] ?? null;
}

function respond(status: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}${HEAD_END}${BODY}`;
}
