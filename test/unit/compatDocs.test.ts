/** The page about the Trigger.dev client: it names every call that the face answers. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../scripts/lib/paths.ts";
import { ENDPOINTS } from "../../src/http/compat/trigger/face.ts";

const PAGE = readFileSync(join(ROOT, "docs/compat-trigger-dev.md"), "utf8");
const CALLS = ENDPOINTS.map(
  ({ contract: { method, path } }) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`,
);

describe("docs/compat-trigger-dev.md", () => {
  it.each(CALLS)("names %s", (call) => {
    expect(PAGE).toContain(`\`${call}\``);
  });

  it("names no call that there is not", () => {
    const named = [...PAGE.matchAll(/`((?:GET|POST|PUT|DELETE) \/(?:api|realtime|engine)\/[^`]+)`/g)].map(
      ([, call]) => call,
    );
    expect(named.filter((call) => !CALLS.includes(call ?? "") && call !== "GET /api/v1/runs")).toEqual([]);
  });
});
