import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { aToken, aWorkspaceId, START_MS } from "./builders.ts";
import { storageOn } from "./storage.ts";

const { tokens, workspaces } = storageOn(env.DB);

async function aStoredWorkspace() {
  const workspace = { id: aWorkspaceId(), name: "Acme", createdAtMs: START_MS };
  const owner = aToken(workspace.id);
  await workspaces.insert(workspace, owner);
  return { workspace, owner };
}

describe("workspaces", () => {
  it("are stored together with their owner's token", async () => {
    const { workspace, owner } = await aStoredWorkspace();
    expect(await workspaces.find(workspace.id)).toEqual(workspace);
    expect(await workspaces.find(aWorkspaceId())).toBeNull();
    expect(await tokens.findByHash(owner.hash)).toEqual(owner);
  });

  it("are not stored without it", async () => {
    const { owner } = await aStoredWorkspace();
    const workspace = { id: aWorkspaceId(), name: "Second", createdAtMs: START_MS };
    const sameHash = aToken(workspace.id, { hash: owner.hash });
    await expect(workspaces.insert(workspace, sameHash)).rejects.toMatchObject({ fault: "constraint" });
    expect(await workspaces.find(workspace.id)).toBeNull();
  });

  it("may be inserted again after a lost answer", async () => {
    const { workspace, owner } = await aStoredWorkspace();
    await workspaces.insert(workspace, owner);
    expect(await tokens.list(workspace.id)).toEqual([owner]);
  });
});

describe("tokens", () => {
  it("are listed for their workspace, oldest first", async () => {
    const { workspace, owner } = await aStoredWorkspace();
    const member = aToken(workspace.id, { role: "member", id: `${owner.id}z` });
    await tokens.insert(member);
    expect(await tokens.list(workspace.id)).toEqual([owner, member]);
    expect(await tokens.findByHash("unheard of")).toBeNull();
  });

  it("are deleted within their workspace only", async () => {
    const { workspace } = await aStoredWorkspace();
    const admin = aToken(workspace.id, { role: "admin" });
    await tokens.insert(admin);
    expect(await tokens.delete(aWorkspaceId(), admin.id)).toBe("not_found");
    expect(await tokens.delete(workspace.id, admin.id)).toBe("deleted");
    expect(await tokens.delete(workspace.id, admin.id)).toBe("not_found");
    expect(await tokens.findByHash(admin.hash)).toBeNull();
  });

  it("keep the last owner, whoever else there is", async () => {
    const { workspace, owner } = await aStoredWorkspace();
    await tokens.insert(aToken(workspace.id, { role: "admin" }));
    await aStoredWorkspace();
    expect(await tokens.delete(workspace.id, owner.id)).toBe("last_owner");
    await tokens.insert(aToken(workspace.id));
    expect(await tokens.delete(workspace.id, owner.id)).toBe("deleted");
  });

  it("keep one owner when two are deleted at the same moment", async () => {
    const { workspace, owner } = await aStoredWorkspace();
    const second = aToken(workspace.id);
    await tokens.insert(second);
    const outcomes = await Promise.all([owner, second].map(({ id }) => tokens.delete(workspace.id, id)));
    expect(outcomes.toSorted()).toEqual(["deleted", "last_owner"]);
  });
});
