import { describe, expect, it } from "vitest";
import type { SealedSecret } from "../app/ports.ts";
import { parseKeyring } from "./keyring.ts";
import { createDataKeyCache, createSecretReader } from "./reader.ts";
import { createVault } from "./vault.ts";

const KEYS = { MASTER_KEY: Buffer.alloc(32, 1).toString("base64") };
const OTHER = { MASTER_KEY: Buffer.alloc(32, 2).toString("base64") };
const WORKSPACE = "wks_1";

async function vaultOf(bindings: Parameters<typeof parseKeyring>[0]) {
  const keyring = await parseKeyring(bindings);
  if (!keyring.ok) throw new Error(keyring.error);
  return createVault(keyring.value);
}

async function sealed(name: string, value: string, changes: Partial<SealedSecret> = {}): Promise<SealedSecret> {
  const { envelope } = await (await vaultOf(KEYS)).seal({ workspaceId: WORKSPACE, name }, value);
  return { id: `sec_${name}`, name, revision: 1, envelope, ...changes };
}

function readerOf(stored: readonly SealedSecret[], bindings: Parameters<typeof parseKeyring>[0] = KEYS) {
  const reported: string[] = [];
  const asked: (readonly string[])[] = [];
  const deps = {
    rows: stored,
    secrets: {
      readSealed: async (_workspaceId: string, names: readonly string[]) => {
        asked.push(names);
        return deps.rows.filter(({ name }) => names.includes(name));
      },
    },
    keyring: () => parseKeyring(bindings),
    dataKeys: createDataKeyCache(),
    report: (event: string) => void reported.push(event),
  };
  return { deps, reader: createSecretReader(deps), reported, asked };
}

describe("the reader of secrets", () => {
  it("reads all of them in one query, and leaves out what is not there", async () => {
    const { reader, asked } = readerOf([await sealed("a", "1"), await sealed("b", "\ufeffzażółć")]);
    const read = await reader.read(WORKSPACE, ["a", "b", "c"]);
    expect(read).toEqual({ ok: true, value: new Map([["a", "1"], ["b", "\ufeffzażółć"]]) }); // prettier-ignore
    expect(asked).toHaveLength(1);
  });

  it("uses a new value at once, and knows the key of an old one again", async () => {
    const { deps, reader } = readerOf([await sealed("a", "old")]);
    const valueNow = async () => {
      const read = await reader.read(WORKSPACE, ["a"]);
      return read.ok ? read.value.get("a") : read.error;
    };
    expect(await valueNow()).toBe("old");
    expect(await valueNow()).toBe("old");
    deps.rows = [await sealed("a", "new", { revision: 2 })];
    expect(await valueNow()).toBe("new");
    deps.rows = [await sealed("a", "of another secret of that name", { id: "sec_later" })];
    expect(await valueNow()).toBe("of another secret of that name");
  });

  it("keeps keys that cannot be taken out, and no value", async () => {
    const { deps, reader } = readerOf([await sealed("a", "1")]);
    await reader.read(WORKSPACE, ["a"]);
    const kept = deps.dataKeys.get("sec_a@1");
    expect(kept).toMatchObject({ extractable: false });
    await expect(crypto.subtle.exportKey("raw", kept as CryptoKey)).rejects.toThrow();
  });

  it.each<[string, (good: SealedSecret) => SealedSecret, string, Parameters<typeof parseKeyring>[0]]>([
    ["under another master key", (good) => good, WORKSPACE, OTHER],
    ["of another workspace", (good) => good, "wks_2", KEYS],
    ["that is no envelope", (good) => ({ ...good, envelope: "{}" }), WORKSPACE, KEYS],
    [
      "that was changed",
      (good) => ({ ...good, envelope: good.envelope.replace(/"ct":"../, '"ct":"AA') }),
      WORKSPACE,
      KEYS,
    ],
  ])("leaves out an envelope %s", async (_what, change, workspaceId, bindings) => {
    const { reader } = readerOf([change(await sealed("a", "1"))], bindings);
    expect(await reader.read(workspaceId, ["a"])).toEqual({ ok: true, value: new Map() });
  });

  it("says that another try may help when D1 is out of reach, and what the operator must do without a master key", async () => {
    const { deps, reader, reported } = readerOf([]);
    deps.secrets.readSealed = async () => Promise.reject(new Error("D1 is away"));
    expect(await reader.read(WORKSPACE, ["a"])).toMatchObject({ ok: false, error: { transient: true } });
    expect(reported).toEqual(["secrets.read_failed"]);

    const without = await readerOf([await sealed("a", "1")], {}).reader.read(WORKSPACE, ["a"]);
    expect(without).toMatchObject({ ok: false, error: { transient: false } });
    expect(without.ok ? "" : without.error.message).toContain("openssl rand -base64 32");
  });
});
