import { beforeAll, describe, expect, it } from "vitest";
import type { TestWorkspace } from "./harness.ts";
import { OPERATOR_TOKEN, call, createWorkspace, paths } from "./harness.ts";

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace("acme");
});

describe("POST /v1/workspaces", () => {
  it("opens a workspace with an owner token that is shown once", async () => {
    const reply = await call("POST", "/v1/workspaces", { token: OPERATOR_TOKEN, body: { name: "new" } });
    expect(reply).toMatchObject({ status: 201, body: { workspace: { name: "new" }, token: { role: "owner" } } });
    expect(reply.body.token.token).toMatch(/^car_[a-z2-7]{40}$/);
    const tokens = await call("GET", "/v1/tokens", { token: reply.body.token.token });
    expect(tokens.body.data).toHaveLength(1);
    expect(JSON.stringify(tokens.body)).not.toContain(reply.body.token.token);
  });

  it("takes an owner token that the operator brings, once", async () => {
    const owner_token = "my-own-token-that-is-long-enough";
    const body = { name: "mine", owner_token };
    expect((await call("POST", "/v1/workspaces", { token: OPERATOR_TOKEN, body })).body.token.token).toBe(owner_token);
    expect((await call("GET", "/v1/whoami", { token: owner_token })).body.workspace.name).toBe("mine");
    const again = await call("POST", "/v1/workspaces", { token: OPERATOR_TOKEN, body });
    expect(again).toMatchObject({ status: 409, body: { error: { code: "token_taken" } } });
  });

  it.each([
    [{ name: "x", owner_token: "short" }, ["owner_token"]],
    [{ name: "x", owner_token: `with space ${"x".repeat(24)}` }, ["owner_token"]],
    [{ name: " " }, ["name"]],
    [{ nam: "x" }, ["name", "nam"]],
  ])("refuses %j", async (body, expected) => {
    const reply = await call("POST", "/v1/workspaces", { token: OPERATOR_TOKEN, body });
    expect(reply.status).toBe(400);
    expect(paths(reply)).toEqual(expected);
  });

  it("is for the operator alone, who may do nothing else", async () => {
    const body = { name: "x" };
    expect((await call("POST", "/v1/workspaces", { body })).status).toBe(401);
    expect((await call("POST", "/v1/workspaces", { token: "wrong", body })).status).toBe(401);
    expect((await call("POST", "/v1/workspaces", { token: workspace.owner, body })).status).toBe(403);
    expect((await call("GET", "/v1/jobs", { token: OPERATOR_TOKEN })).status).toBe(403);
  });
});

describe("tokens", () => {
  it("work in either header, and not in two that disagree", async () => {
    const who = async (headers: Record<string, string>) => (await call("GET", "/v1/whoami", { headers })).status;
    const { member, admin } = workspace;
    expect(await who({ "x-api-key": member })).toBe(200);
    expect(await who({ authorization: `Bearer ${member}`, "x-api-key": member })).toBe(200);
    expect(await who({ authorization: `Bearer ${member}`, "x-api-key": admin })).toBe(401);
    expect(await who({ authorization: `Basic ${member}` })).toBe(401);
  });

  it("say who they are", async () => {
    const who = await call("GET", "/v1/whoami", { token: workspace.admin });
    expect(who.body).toMatchObject({
      token: { name: "admin", role: "admin", prefix: workspace.admin.slice(0, 10) },
      workspace: { id: workspace.id, name: "acme" },
    });
    expect(JSON.stringify(who.body)).not.toContain(workspace.admin);
  });

  it("open nothing once they are deleted", async () => {
    const created = await workspace.call("POST", "/v1/tokens", { body: { name: "temporary", role: "member" } });
    const { id, token } = created.body;
    expect((await call("GET", "/v1/whoami", { token })).status).toBe(200);
    expect((await workspace.call("DELETE", `/v1/tokens/${id}`)).status).toBe(204);
    expect((await call("GET", "/v1/whoami", { token })).status).toBe(401);
    expect((await workspace.call("DELETE", `/v1/tokens/${id}`)).status).toBe(404);
  });

  it("leave at least one owner", async () => {
    const { body } = await workspace.call("GET", "/v1/tokens");
    const owner = body.data.find((each: { role: string }) => each.role === "owner");
    const reply = await workspace.call("DELETE", `/v1/tokens/${owner.id}`);
    expect(reply).toMatchObject({ status: 409, body: { error: { code: "last_owner" } } });
  });

  it("are listed in pages", async () => {
    const page = await workspace.call("GET", "/v1/tokens?limit=2&offset=1");
    expect(page.body.data).toHaveLength(2);
    expect(page.body.pagination).toEqual({ limit: 2, offset: 1, has_more: false, next_cursor: null });
  });

  it.each([
    [{ name: "x" }, ["role"]],
    [{ name: "x", role: "root" }, ["role"]],
    [{ name: "x\ny", role: "member" }, ["name"]],
  ])("are refused for %j", async (body, expected) => {
    expect(paths(await workspace.call("POST", "/v1/tokens", { body }))).toEqual(expected);
  });
});
