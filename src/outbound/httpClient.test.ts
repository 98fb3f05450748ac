import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { ServerResponse } from "node:http";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTargetServer } from "../../test/support/targetServer.ts";
import type { TargetServer } from "../../test/support/targetServer.ts";
import type { OutboundRequest, OutboundResult } from "../domain/net/exchange.ts";
import { sendHttp } from "./httpClient.ts";
import type { OutboundDeps } from "./httpClient.ts";

type OutboundResponse = Extract<OutboundResult, { kind: "response" }>;
type OutboundFailure = Extract<OutboundResult, { kind: "failure" }>;

let target: TargetServer;

beforeEach(async () => {
  target = await startTargetServer();
});

afterEach(async () => {
  await target.stop();
});

const LOCAL_DEPS: OutboundDeps = {
  fetch: globalThis.fetch,
  now: Date.now,
  policy: { allowPrivate: true, ownHosts: ["own.example.org"] },
};

/** As in production, where private addresses are closed; `public.example.org` is served by the loopback target. */
function publicDeps(): OutboundDeps {
  const viaLoopback = (url: string, init: RequestInit) => {
    const { hostname, pathname, search } = new URL(url);
    if (!hostname.endsWith("example.org")) throw new Error(`A request left for ${url}`);
    const headers = new Headers(init.headers);
    headers.set("x-origin", new URL(url).origin);
    return globalThis.fetch(`${target.url}${pathname}${search}`, { ...init, headers });
  };
  return {
    ...LOCAL_DEPS,
    fetch: viaLoopback as typeof fetch,
    policy: { allowPrivate: false, ownHosts: ["own.example.org"] },
  };
}

function send(request: Partial<OutboundRequest>, deps: OutboundDeps = LOCAL_DEPS): Promise<OutboundResult> {
  return sendHttp({ url: target.url, method: "GET", headers: [], body: null, timeoutMs: 5_000, ...request }, deps);
}

async function responseOf(request: Partial<OutboundRequest>, deps?: OutboundDeps): Promise<OutboundResponse> {
  const result = await send(request, deps);
  if (result.kind === "failure") throw new Error(`${result.errorClass}: ${result.message}`);
  return result;
}

async function failureOf(request: Partial<OutboundRequest>, deps?: OutboundDeps): Promise<OutboundFailure> {
  const result = await send(request, deps);
  if (result.kind === "response") throw new Error(`answered ${result.status}`);
  expect(result.message).toMatch(/^[^\n]{20,}: .+\.$|^[^\n]{20,}; .+\.$/);
  return result;
}

describe("sendHttp", () => {
  it("sends method, path, headers and body as they are", async () => {
    await responseOf({
      url: `${target.url}/hook?x=1`,
      method: "put",
      headers: [
        ["Content-Type", "application/json"],
        ["X-One", "1"],
        ["x-one", "2"],
      ],
      body: '{"é":1}',
    });
    expect(target.arrivals).toMatchObject([{ method: "PUT", path: "/hook?x=1", body: '{"é":1}' }]);
    expect(target.arrivals[0]?.headers).toMatchObject({ "content-type": "application/json", "x-one": "1, 2" });
  });

  it("adds no Content-Type to a body that has none", async () => {
    await responseOf({ method: "POST", body: "text" });
    expect(target.arrivals[0]?.headers["content-type"]).toBeUndefined();
  });

  it("names itself, unless the job does", async () => {
    await responseOf({});
    await responseOf({ headers: [["user-AGENT", "mine"]] });
    expect(target.arrivals.map(({ headers }) => headers["user-agent"])).toEqual(["Carillon/1.0", "mine"]);
  });

  it("reports the response with its bounded headers and its time by the given clock", async () => {
    target.on("/", { kind: "respond", status: 503, headers: { "Retry-After": "7" }, body: "busy" });
    let nowMs = 1_000;
    const result = await responseOf({}, { ...LOCAL_DEPS, now: () => (nowMs += 40) });
    expect(result).toMatchObject({
      kind: "response",
      status: 503,
      body: "busy",
      bodyTruncated: false,
      redirects: 0,
      latencyMs: 40,
      finalUrl: `${target.url}/`,
    });
    expect(result.headers["retry-after"]).toBe("7");
  });

  it("sends to the URL that the guard has judged", async () => {
    await responseOf({ url: `http:\\\\0x7f.1:${target.port}\\a%2e\\..\\b` });
    expect(target.arrivals[0]?.path).toBe("/b");
  });

  it("refuses a target before anything is sent", async () => {
    const failure = await failureOf({ url: "http://169.254.169.254/latest/" });
    expect(failure).toMatchObject({ failure: "connection", errorClass: "target_refused" });
    expect(failure.message).toMatch(/metadata service/);
  });

  it.each([
    ["a line break in a value", { headers: [["X-A", "a\r\nX-B: b"]] }],
    ["a NUL in a value", { headers: [["X-A", "a\0b"]] }],
    ["a line break in a name", { headers: [["X-A\nX-B", "b"]] }],
    ["CONNECT", { method: "CONNECT" }],
    ["TRACE", { method: "trace" }],
    ["a method with a space", { method: "GET /evil" }],
    ["GET with a body", { method: "GET", body: "x" }],
    ["HEAD with a body", { method: "HEAD", body: "" }],
  ] as const)("refuses %s as a value, without throwing", async (_name, request) => {
    expect(await failureOf(request)).toMatchObject({ failure: "connection", errorClass: "invalid_request" });
    expect(target.arrivals).toHaveLength(0);
  });

  it("turns anything that fetch throws into a failure that quotes nothing of it", async () => {
    const fetch = () => Promise.reject(new Error("Bearer hunter2"));
    const failure = await failureOf({}, { ...LOCAL_DEPS, fetch });
    expect(failure.errorClass).toBe("network");
    expect(JSON.stringify(failure)).not.toContain("hunter2");
  });
});

describe("sendHttp and broken targets", () => {
  async function closedPort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  it("names a refused connection", async () => {
    const failure = await failureOf({ url: `http://127.0.0.1:${await closedPort()}/` });
    expect(failure).toMatchObject({ failure: "connection", errorClass: "connection_refused" });
  });

  it("names a connection reset before and within the response", async () => {
    target.on("/", [{ kind: "reset" }, { kind: "reset", afterHeaders: true }]);
    expect(await failureOf({})).toMatchObject({ failure: "connection", errorClass: "connection_reset" });
    expect(await failureOf({})).toMatchObject({ failure: "connection", errorClass: "connection_reset" });
  });

  it("names HTTPS to a port that does not speak it", async () => {
    expect(await failureOf({ url: `https://127.0.0.1:${target.port}/` })).toMatchObject({ errorClass: "tls" });
  });

  it("names an answer that is not HTTP, headers without end and a false Content-Encoding", async () => {
    const raw = (text: string) => ({
      kind: "handle" as const,
      handle: (_request: unknown, response: ServerResponse) => void response.socket?.end(text),
    });
    target.on("/", [
      raw("220 mail.example.org ESMTP\r\n"),
      raw(`HTTP/1.1 200 OK\r\n${"X-Flood: vvvvvvvvvvvvvvvv\r\n".repeat(20_000)}\r\n`),
      { kind: "respond", headers: { "content-encoding": "gzip" }, body: "not gzip" },
    ]);
    for (let sent = 0; sent < 3; sent++) {
      expect(await failureOf({})).toMatchObject({ failure: "connection", errorClass: "invalid_response" });
    }
  });
});

describe("sendHttp and time", () => {
  it.each([
    ["never answers", { kind: "hang" }],
    ["never sends the promised body", { kind: "hang", afterHeaders: true }],
    ["drips a byte now and then", { kind: "drip", everyMs: 20 }],
  ] as const)("ends at the deadline when the target %s, and lets go of it", async (_name, behaviour) => {
    target.on("/", behaviour);
    expect(await failureOf({ timeoutMs: 150 })).toMatchObject({ failure: "timeout", errorClass: "timeout" });
    await target.arrivals[0]?.closed;
  });

  it("says whether the answer or its body was late", async () => {
    target.on("/", [{ kind: "hang" }, { kind: "drip", everyMs: 20 }]);
    expect((await failureOf({ timeoutMs: 100 })).message).toMatch(/did not answer within 100 ms: raise the timeout/);
    expect((await failureOf({ timeoutMs: 100 })).message).toMatch(/still sending its response after 100 ms/);
  });

  it("counts all hops against one deadline", async () => {
    target.on("/", { kind: "redirect", to: "/slow" });
    target.on("/slow", { kind: "hang" });
    expect(await failureOf({ timeoutMs: 150 })).toMatchObject({ failure: "timeout" });
    expect(target.arrivalsAt("/slow")).toHaveLength(1);
  });

  it("ends at the deadline even when fetch ignores its signal", async () => {
    const fetch = () => new Promise<never>(() => undefined);
    expect(await failureOf({ timeoutMs: 20 }, { ...LOCAL_DEPS, fetch })).toMatchObject({ failure: "timeout" });
  });

  it("waits for a timeout that is longer than a timer can be", async () => {
    expect(await responseOf({ timeoutMs: Number.MAX_SAFE_INTEGER })).toMatchObject({ status: 200 });
  });
});

describe("sendHttp and large responses", () => {
  it("takes exactly 64 KB whole and cuts one byte more", async () => {
    target.on("/", [
      { kind: "respond", body: "x".repeat(65_536) },
      { kind: "respond", body: "x".repeat(65_537) },
    ]);
    const whole = await responseOf({});
    const cut = await responseOf({});
    expect([whole.body.length, whole.bodyTruncated]).toEqual([65_536, false]);
    expect([cut.body.length, cut.bodyTruncated]).toEqual([65_536, true]);
  });

  it.each([
    ["one gigabyte", { kind: "endless", bytes: 1_073_741_824 }],
    ["a body without end", { kind: "endless" }],
  ] as const)("cuts %s and closes the connection", async (_name, behaviour) => {
    target.on("/", behaviour);
    const big = await responseOf({});
    expect([big.status, big.body.length, big.bodyTruncated]).toEqual([200, 65_536, true]);
    await target.arrivals[0]?.closed;
  });

  it.each([
    ["gzip", () => gzipSync(Buffer.alloc(64_000_000, "x"))],
    [
      "br",
      () => brotliCompressSync(Buffer.alloc(64_000_000, "x"), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    ],
  ])("cuts a %s bomb after 64 KB of what it unpacks to", async (encoding, bomb) => {
    target.on("/", { kind: "respond", headers: { "content-encoding": encoding }, body: bomb() });
    const result = await responseOf({});
    expect([result.status, result.body.length, result.bodyTruncated]).toEqual([200, 65_536, true]);
  });

  it("bounds a flood of headers", async () => {
    const headers = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`a-${index}`, "v".repeat(30)]));
    target.on("/", { kind: "respond", headers: { ...headers, "retry-after": "9" } });
    const result = await responseOf({});
    expect(Object.keys(result.headers)).toHaveLength(64);
    expect(result.headers["retry-after"]).toBe("9");
  });

  it("marks a binary body", async () => {
    target.on("/", { kind: "respond", headers: { "content-type": "image/png" }, body: Uint8Array.of(137, 80, 0, 1) });
    expect((await responseOf({})).body).toBe("[binary body, 4 bytes not shown]");
  });
});

describe("sendHttp and redirects", () => {
  it("follows five and reports where it ended", async () => {
    for (let step = 0; step < 5; step++) target.on(`/${step}`, { kind: "redirect", to: `/${step + 1}` });
    target.on("/5", { kind: "respond", body: "there" });
    expect(await responseOf({ url: `${target.url}/0` })).toMatchObject({
      body: "there",
      redirects: 5,
      finalUrl: `${target.url}/5`,
    });
  });

  it("gives up at the sixth, and so at a loop", async () => {
    target.on("/loop", { kind: "redirect", to: "/pool" });
    target.on("/pool", { kind: "redirect", to: "/loop" });
    expect(await failureOf({ url: `${target.url}/loop` })).toMatchObject({
      failure: "connection",
      errorClass: "too_many_redirects",
    });
    expect(target.arrivals).toHaveLength(6);
  });

  it.each([
    ["no location", {}],
    ["an invalid location", { location: "http://:99999/" }],
  ])("takes a redirect with %s for the answer", async (_name, headers) => {
    target.on("/", { kind: "respond", status: 302, headers, body: "moved" });
    expect(await responseOf({})).toMatchObject({ status: 302, body: "moved", redirects: 0 });
  });

  it.each([301, 302, 303] as const)("turns POST into GET after %i and leaves the body behind", async (status) => {
    target.on("/", { kind: "redirect", to: "/next", status });
    await responseOf({ method: "POST", headers: [["Content-Type", "text/plain"]], body: "data" });
    expect(target.arrivalsAt("/next")).toMatchObject([{ method: "GET", body: "" }]);
    expect(target.arrivalsAt("/next")[0]?.headers).not.toHaveProperty("content-type");
  });

  it.each([307, 308] as const)("keeps method and body after %i", async (status) => {
    target.on("/", { kind: "redirect", to: "/next", status });
    await responseOf({ method: "PATCH", headers: [["Content-Type", "text/plain"]], body: "data" });
    expect(target.arrivalsAt("/next")).toMatchObject([
      { method: "PATCH", body: "data", headers: { "content-type": "text/plain" } },
    ]);
  });

  it("does not wait for the body of a redirect that never ends", async () => {
    target.on("/", {
      kind: "handle",
      handle: (_request, response) => void response.writeHead(302, { location: "/next" }).write("and so on"),
    });
    expect(await responseOf({})).toMatchObject({ status: 200, redirects: 1 });
    await target.arrivalsAt("/")[0]?.closed;
  });

  const CREDENTIALS: OutboundRequest["headers"] = [
    ["Authorization", "Bearer t"],
    ["Cookie", "a=b"],
    ["webhook-signature", "v1,abc"],
    ["X-Api-Key", "k"],
    ["X-Plain", "p"],
  ];

  it("sends credentials on within an origin", async () => {
    target.on("/", { kind: "redirect", to: "/next" });
    await responseOf({ headers: CREDENTIALS, sensitiveHeaders: ["x-api-key"] });
    expect(target.arrivalsAt("/next")[0]?.headers).toMatchObject({ authorization: "Bearer t", "x-api-key": "k" });
  });

  it.each([
    ["another host", "https://other.example.org/next"],
    ["another port", "https://public.example.org:8443/next"],
    ["http", "http://public.example.org/next"],
  ])("drops credentials on the way to %s, also when it leads back", async (_name, to) => {
    target.on("/", { kind: "redirect", to, status: 307 });
    target.on("/next", { kind: "redirect", to: "https://public.example.org/back", status: 307 });
    await responseOf(
      {
        url: "https://public.example.org/",
        method: "POST",
        body: "data",
        headers: CREDENTIALS,
        sensitiveHeaders: ["x-api-key"],
      },
      publicDeps(),
    );
    for (const path of ["/next", "/back"]) {
      const [arrival] = target.arrivalsAt(path);
      expect(arrival).toMatchObject({ method: "POST", body: "data", headers: { "x-plain": "p" } });
      for (const name of ["authorization", "cookie", "webhook-signature", "x-api-key"]) {
        expect(arrival?.headers).not.toHaveProperty(name);
      }
    }
  });

  it.each([
    ["loopback", "http://127.0.0.1/", /loopback/],
    ["loopback, decimal", "http://2130706433/", /loopback/],
    ["loopback, scheme-relative", "//0x7f.1/", /loopback/],
    ["loopback over IPv6", "http://[::1]/", /loopback/],
    ["IPv4-mapped loopback", "http://[::ffff:127.0.0.1]/", /IPv4-mapped/],
    ["private", "https://10.0.0.1/", /private/],
    ["link-local", "http://169.254.1.1/", /link-local/],
    ["carrier-grade NAT", "http://100.64.1.1/", /carrier-grade/],
    ["multicast", "http://224.0.0.1/", /multicast/],
    ["NAT64", "http://[64:ff9b::7f00:1]/", /NAT64/],
    ["6to4", "http://[2002:7f00:1::]/", /6to4/],
    ["metadata", "http://169.254.169.254/", /metadata/],
    ["metadata by name", "http://metadata.google.internal/", /metadata/],
    ["localhost", "http://localhost:8787/", /local network/],
    ["a single label", "http://db/", /local network/],
    ["another scheme", "file:///etc/passwd", /scheme "file"/],
    ["credentials", "https://u:p@public.example.org/", /user name or a password/],
    ["our own host", "https://own.example.org/v1/jobs", /Carillon instance itself/],
    ["a mail server's port", "http://mail.example.org:25/", /Port 25/],
  ])("refuses a hop to %s, at the end of a chain as well", async (_name, to, reason) => {
    target.on("/", { kind: "redirect", to });
    target.on("/chain", { kind: "redirect", to: "https://second.example.org/" });
    for (const path of ["/", "/chain"]) {
      const failure = await failureOf({ url: `https://public.example.org${path}` }, publicDeps());
      expect(failure).toMatchObject({ failure: "connection", errorClass: "target_refused" });
      expect(failure.message).toMatch(/redirects to a URL that may not be called/);
      expect(failure.message).toMatch(reason);
    }
    expect(target.arrivals.map(({ path }) => path)).toEqual(["/", "/chain", "/"]);
  });
});
