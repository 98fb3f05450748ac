/** The guard and the HTTP client inside the real runtime: hostile URLs, hostile targets, and the memory of workerd. */

import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createBrotliCompress, createGzip, constants } from "node:zlib";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OutboundRequest, OutboundResult } from "../../src/domain/net/exchange.ts";
import type { TargetPolicy } from "../../src/domain/net/target.ts";
import { HOSTILE_OWN_HOSTS, HOSTILE_TARGETS } from "../outbound/hostileTargets.ts";
import { startTargetServer } from "../support/targetServer.ts";
import type { TargetServer } from "../support/targetServer.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Takes what to check and what to send, and answers with the results. */
const PROBE = `
  import { checkTarget } from "./src/domain/net/target.ts";
  import { sendHttp } from "./src/outbound/httpClient.ts";
  export default {
    async fetch(request) {
      const { check, send, policy } = await request.json();
      if (check) {
        return Response.json(check.map((url) => {
          const result = checkTarget(url, policy);
          return result.ok ? "accepted" : result.error.code;
        }));
      }
      return Response.json(await Promise.all(send.map((each) => sendHttp(each, { fetch, now: Date.now, policy }))));
    },
  };
`;

const GIGABYTE = 1_073_741_824;
/** Generous against the 1 GB that is sent: workerd's own heap may grow meanwhile. */
const FLAT_BYTES = 200 * 1_048_576;

let miniflare: Miniflare;
let target: TargetServer;
let workerdPid: number;

function workerdChildren(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const status = processStatus(pid);
      return status?.get("Name") === "workerd" && Number(status.get("PPid")) === process.pid;
    });
}

/** Null for a process that ended meanwhile. */
function processStatus(pid: number): Map<string, string> | null {
  try {
    const lines = readFileSync(`/proc/${pid}/status`, "utf8").trim().split("\n");
    return new Map(lines.map((line) => line.split(/:\s+/, 2) as [string, string]));
  } catch {
    return null;
  }
}

/** The most that workerd has ever held, so that a short peak is seen as well. */
function peakBytes(): number {
  return Number.parseInt(processStatus(workerdPid)?.get("VmHWM") ?? "", 10) * 1_024;
}

async function compressedZeros(compressor: NodeJS.ReadWriteStream, megabytes: number): Promise<Buffer> {
  const megabyte = Buffer.alloc(1_048_576);
  const out = new PassThrough();
  const chunks: Buffer[] = [];
  out.on("data", (chunk: Buffer) => chunks.push(chunk));
  await pipeline(
    Array.from({ length: megabytes }, () => megabyte),
    compressor,
    out,
  );
  return Buffer.concat(chunks);
}

async function probe<T>(question: object): Promise<T> {
  const response = await miniflare.dispatchFetch("http://probe/", { method: "POST", body: JSON.stringify(question) });
  return (await response.json()) as T;
}

async function send(requests: readonly Partial<OutboundRequest>[], changes: Partial<TargetPolicy> = {}) {
  const defaults = { url: target.url, method: "GET", headers: [], body: null, timeoutMs: 10_000 };
  return await probe<OutboundResult[]>({
    send: requests.map((request) => ({ ...defaults, ...request })),
    policy: { allowPrivate: true, ownHosts: [], ...changes },
  });
}

beforeAll(async () => {
  const built = await build({
    stdin: { contents: PROBE, resolveDir: ROOT, loader: "js" },
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "silent",
  });
  const before = workerdChildren();
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: built.outputFiles[0]?.text ?? "",
      compatibilityDate: "2026-10-15",
      compatibilityFlags: ["global_fetch_strictly_public"],
    }),
  );
  await miniflare.ready;
  target = await startTargetServer();
  workerdPid = workerdChildren().find((pid) => !before.includes(pid)) ?? 0;
});

afterAll(async () => {
  await miniflare.dispose();
  await target.stop();
});

describe("the guard in workerd", () => {
  it("refuses every hostile URL with the code that it has in Node", async () => {
    const cases = Object.entries(HOSTILE_TARGETS).flatMap(([code, each]) => each.map(([, url]) => ({ url, code })));
    const codes = await probe<string[]>({
      check: cases.map(({ url }) => url),
      policy: { allowPrivate: false, ownHosts: HOSTILE_OWN_HOSTS },
    });
    expect(cases.map(({ url }, index) => ({ url, code: codes[index] }))).toEqual(cases);
  });
});

describe("the HTTP client in workerd", () => {
  it("sends a request as it is and reports the answer", async () => {
    target.on("/echo", { kind: "respond", status: 201, headers: { "x-reply": "yes" }, body: "é" });
    const [result] = await send([
      { url: `${target.url}/echo?x=1`, method: "POST", headers: [["X-A", "1"]], body: '{"é":1}' },
    ]);
    expect(result).toMatchObject({ kind: "response", status: 201, body: "é", headers: { "x-reply": "yes" } });
    const [arrival] = target.arrivalsAt("/echo");
    expect(arrival).toMatchObject({ method: "POST", path: "/echo?x=1", body: '{"é":1}' });
    expect(arrival?.headers).toMatchObject({ "x-a": "1", "user-agent": "Carillon/1.0" });
    expect(arrival?.headers).not.toHaveProperty("content-type");
  });

  it("follows redirects itself, drops credentials across origins and ends a loop", async () => {
    const other = await startTargetServer();
    target.on("/away", { kind: "redirect", to: `${other.url}/there`, status: 307 });
    target.on("/loop", { kind: "redirect", to: "/loop" });
    target.on("/metadata", { kind: "redirect", to: "http://169.254.169.254/" });
    const results = await send([
      { url: `${target.url}/away`, method: "POST", headers: [["Authorization", "Bearer t"]], body: "data" },
      { url: `${target.url}/loop` },
      { url: `${target.url}/metadata` },
    ]);
    expect(results).toMatchObject([
      { kind: "response", status: 200, redirects: 1, finalUrl: `${other.url}/there` },
      { kind: "failure", errorClass: "too_many_redirects" },
      { kind: "failure", errorClass: "target_refused" },
    ]);
    expect(other.arrivals).toMatchObject([{ method: "POST", body: "data" }]);
    expect(other.arrivals[0]?.headers).not.toHaveProperty("authorization");
    await other.stop();
  });

  it("turns broken targets into failures with the classes that workerd's errors allow", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    target.on("/reset", { kind: "reset" });
    target.on("/reset-within", { kind: "reset", afterHeaders: true });
    target.on("/not-gzip", { kind: "respond", headers: { "content-encoding": "gzip" }, body: "not gzip" });
    const results = await send([
      { url: `http://127.0.0.1:${port}/` },
      { url: `${target.url}/reset` },
      { url: `${target.url}/reset-within` },
      { url: `https://127.0.0.1:${target.port}/` },
      { url: "http://no-such-host.invalid/" },
      { url: `${target.url}/not-gzip` },
      { url: `${target.url}/`, method: "FOO" },
      { url: `${target.url}/`, headers: [["X-A", "a\r\nX-B: b"]] },
    ]);
    expect(results.map((result) => (result.kind === "failure" ? result.errorClass : result.status))).toEqual([
      "network",
      "network",
      "network",
      "network",
      "network",
      "invalid_response",
      "invalid_request",
      "invalid_request",
    ]);
  });

  it("ends targets that hang or drip at the deadline", async () => {
    target.on("/hang", { kind: "hang" });
    target.on("/hang-within", { kind: "hang", afterHeaders: true });
    target.on("/drip", { kind: "drip", everyMs: 50 });
    const paths = ["/hang", "/hang-within", "/drip"];
    const results = await send(paths.map((path) => ({ url: target.url + path, timeoutMs: 400 })));
    expect(results).toMatchObject(paths.map(() => ({ kind: "failure", failure: "timeout", errorClass: "timeout" })));
    await Promise.all(paths.map((path) => target.arrivalsAt(path)[0]?.closed));
  });

  it("bounds a flood of headers, and survives one beyond workerd's own limit", async () => {
    const flood = (count: number, length: number) => ({
      kind: "respond" as const,
      headers: Object.fromEntries(Array.from({ length: count }, (_, index) => [`a-${index}`, "v".repeat(length)])),
    });
    target.on("/flood", flood(500, 50));
    target.on("/deluge", flood(20_000, 500));
    const [flooded, deluged] = await send([{ url: `${target.url}/flood` }, { url: `${target.url}/deluge` }]);
    expect(flooded).toMatchObject({ kind: "response", status: 200 });
    expect(flooded?.kind === "response" && Object.keys(flooded.headers).length).toBe(64);
    expect(deluged).toMatchObject({ kind: "failure", failure: "connection" });
  });

  it("reads 64 KB of 1 GB, of a stream without end and of compression bombs, with flat memory", async () => {
    const gzip = await compressedZeros(createGzip({ level: 1 }), 1_024);
    const brotli = await compressedZeros(
      createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
      1_024,
    );
    target.on("/gigabyte", { kind: "endless", bytes: GIGABYTE });
    target.on("/endless", { kind: "endless" });
    const bomb = { "content-type": "text/plain" };
    target.on("/gzip", { kind: "respond", headers: { ...bomb, "content-encoding": "gzip" }, body: gzip });
    target.on("/br", { kind: "respond", headers: { ...bomb, "content-encoding": "br" }, body: brotli });
    const requests = ["/gigabyte", "/endless", "/gzip", "/br"].map((path) => ({ url: target.url + path }));
    await send([{}]);
    const beforeBytes = peakBytes();
    expect(beforeBytes).toBeGreaterThan(0);
    for (let round = 0; round < 10; round++) {
      const results = await send(requests);
      expect(results.map((result) => (result.kind === "response" ? result.body.length : result.errorClass))).toEqual(
        requests.map(() => 65_536),
      );
      expect(results).toMatchObject(requests.map(() => ({ status: 200, bodyTruncated: true })));
    }
    await Promise.all(target.arrivalsAt("/endless").map(({ closed }) => closed));
    expect(peakBytes() - beforeBytes).toBeLessThan(FLAT_BYTES);
  });
});
