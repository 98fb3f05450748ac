import { describe, expect, it } from "vitest";
import { nextHop, redirectLocation } from "./redirects.ts";
import type { Hop } from "./redirects.ts";

const HERE = new URL("https://api.example.org/a/b?x=1");

function hop(changes: Partial<Hop> = {}): Hop {
  return {
    url: HERE,
    method: "POST",
    headers: [
      ["Authorization", "Bearer t"],
      ["COOKIE", "a=b"],
      ["Proxy-Authorization", "Basic t"],
      ["Webhook-Signature", "v1,abc"],
      ["X-Api-Key", "k"],
      ["Content-Type", "application/json"],
      ["X-Cron-Service-Attempt", "1"],
    ],
    body: "{}",
    ...changes,
  };
}

const names = (of: Hop) => of.headers.map(([name]) => name);

describe("redirectLocation", () => {
  it.each([
    ["an absolute URL", "https://other.example.org/x", "https://other.example.org/x"],
    ["a path", "/x", "https://api.example.org/x"],
    ["a relative path", "c", "https://api.example.org/a/c"],
    ["a query", "?y=2", "https://api.example.org/a/b?y=2"],
    ["a scheme-relative URL", "//127.0.0.1/x", "https://127.0.0.1/x"],
    ["another scheme", "file:///etc/passwd", "file:///etc/passwd"],
  ])("resolves %s against the URL that redirects", (_name, location, expected) => {
    expect(redirectLocation(302, location, HERE)).toBe(expected);
  });

  it.each([200, 201, 300, 304, 305, 306, 309, 400])("takes %i for no redirect", (status) => {
    expect(redirectLocation(status, "/x", HERE)).toBeNull();
  });

  it.each([[null], ["http://"], ["https://a b/"], ["http://\ufffd/"]])("takes the location %j for none", (location) => {
    expect(redirectLocation(302, location, HERE)).toBeNull();
  });
});

describe("nextHop", () => {
  const there = new URL("https://api.example.org/next");

  it.each([
    [301, "POST", "GET"],
    [302, "POST", "GET"],
    [303, "POST", "GET"],
    [303, "PUT", "GET"],
    [303, "DELETE", "GET"],
    [301, "PUT", "PUT"],
    [302, "DELETE", "DELETE"],
    [303, "HEAD", "HEAD"],
    [303, "GET", "GET"],
    [307, "POST", "POST"],
    [308, "PATCH", "PATCH"],
  ])("after %i turns %s into %s, and the body goes with a changed method", (status, method, expected) => {
    const next = nextHop(hop({ method }), there, status, []);
    expect(next.method).toBe(expected);
    expect(next.body).toBe(method === expected ? "{}" : null);
    expect(names(next).includes("Content-Type")).toBe(method === expected);
  });

  it("keeps every credential within the origin", () => {
    expect(names(nextHop(hop(), there, 307, ["x-api-key"]))).toEqual(names(hop()));
  });

  it.each([
    ["another host", "https://evil.example.net/"],
    ["a subdomain", "https://x.api.example.org/"],
    ["another port", "https://api.example.org:8443/"],
    ["a downgrade to http", "http://api.example.org/"],
    ["a trailing dot", "https://api.example.org./"],
  ])("drops credentials for %s, and the caller's own sensitive headers", (_name, url) => {
    expect(names(nextHop(hop(), new URL(url), 307, ["x-api-key"]))).toEqual(["Content-Type", "X-Cron-Service-Attempt"]);
  });

  it("does not give credentials back when a later hop returns to the first origin", () => {
    const away = nextHop(hop(), new URL("https://evil.example.net/"), 307, []);
    expect(names(nextHop(away, HERE, 307, []))).not.toContain("Authorization");
  });

  it("takes an explicit default port for the same origin", () => {
    expect(names(nextHop(hop(), new URL("https://API.example.org:443/"), 307, []))).toContain("Authorization");
  });
});
