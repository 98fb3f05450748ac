/** A small HTTP service on loopback that the sample jobs call. */

import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SampleTarget {
  /** `http://127.0.0.1:<port>`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
}

const HOST = "127.0.0.1";
/** The longest wait that `/slow` grants, so that a typing error holds no connection for hours. */
const MAX_SLOW_MS = 120_000;

/** Listens on `port`, 0 for any. Rejects when it is taken. It ends with this process. */
export async function startSampleTarget(port: number): Promise<SampleTarget> {
  let flakyCalls = 0;
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    const url = new URL(request.url ?? "/", `http://${HOST}`);
    const answer = (status: number, body: object) =>
      response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
    switch (url.pathname) {
      case "/ok":
        answer(200, { ok: true, method: request.method, at: new Date().toISOString() });
        return;
      case "/flaky":
        flakyCalls += 1;
        if (flakyCalls % 3 === 0) answer(200, { ok: true, call: flakyCalls });
        else answer(503, { ok: false, call: flakyCalls, message: "Two of three calls fail here." });
        return;
      case "/slow": {
        const waitMs = Math.min(Number(url.searchParams.get("ms")) || 1_000, MAX_SLOW_MS);
        const timer = setTimeout(() => answer(200, { ok: true, waitedMs: waitMs }), waitMs);
        response.on("close", () => clearTimeout(timer));
        return;
      }
      default:
        answer(404, { ok: false, message: "Try /ok, /flaky or /slow?ms=1000." });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, HOST, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  return { url: `http://${HOST}:${bound}`, port: bound };
}
