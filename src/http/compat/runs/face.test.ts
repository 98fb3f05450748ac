import { describe, expect, it } from "vitest";
import { runsFace } from "./face.ts";

const KEY = { "x-api-key": "k" };
const BEARER = { authorization: "Bearer k" };

describe("a request is meant for the Runs API", () => {
  it.each<[string, Record<string, string>, boolean]>([
    ["/api/v1/runs", KEY, true],
    ["/api/v1/runs?page[size]=2", KEY, true],
    ["/api/v1/runs", BEARER, false],
    ["/api/v1/runs", {}, true],
    ["/api/v1/runs", { "trigger-version": "4.8.3" }, false],
    ["/api/v1/runs?filter[status]=QUEUED", {}, false],
    ["/api/v1/runs/run_1", BEARER, true],
    ["/api/v1/runs/run_1/replay", { ...BEARER, "x-trigger-api-version": "2025-07-16" }, false],
    ["/api/v1/workflows", BEARER, true],
    ["/api/v1/schedules", BEARER, false],
  ])("%s %j: %s", (path, headers, expected) => {
    expect(runsFace.speaks(new Request(`https://carillon.test${path}`, { headers }))).toBe(expected);
  });

  it.each([
    ["/api/v1/runs", true],
    ["/api/v1/runs/run_1/anything", true],
    ["/api/v1/workflows/wf_1", true],
    ["/api/v1/runsomething", false],
    ["/api/v3/runs/run_1", false],
    ["/v1/workflows", false],
  ])("at %s: %s", (path, expected) => {
    expect(runsFace.owns(path)).toBe(expected);
  });
});
