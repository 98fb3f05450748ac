import { beforeAll, describe, expect, it } from "vitest";
import { FACES } from "../../../src/http/faces.ts";
import type { Endpoint } from "../../../src/http/operation.ts";
import type { TestWorkspace } from "./harness.ts";
import { call, createWorkspace } from "./harness.ts";

/** The same demands on every endpoint of every foreign API, present and future: it is tested because its face has it. */

let workspace: TestWorkspace;

beforeAll(async () => {
  workspace = await createWorkspace("faces");
});

const GUARDED = FACES.filter(({ name }) => name !== "v1")
  .flatMap((face) => face.endpoints.map((endpoint) => ({ face, endpoint })))
  .filter(({ endpoint }) => endpoint.access !== "public")
  .map(({ face, endpoint }) => [`${face.name}: ${endpoint.contract.id}`, endpoint] as const);

function send({ contract }: Endpoint, token: string | null) {
  const path = contract.path.replaceAll(/\{\w+\}/g, "x");
  return call(contract.method.toUpperCase(), path, { token, ...(contract.body === undefined ? {} : { body: {} }) });
}

describe("an endpoint of a foreign API", () => {
  it.each(GUARDED)("%s needs a token", async (_, endpoint) => {
    expect((await send(endpoint, null)).status).toBe(401);
    expect((await send(endpoint, "car_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")).status).toBe(401);
  });

  it.each(GUARDED.filter(([, { access }]) => access !== "read"))("%s needs the right to write", async (_, endpoint) => {
    expect((await send(endpoint, workspace.member)).status).toBe(403);
  });
});
