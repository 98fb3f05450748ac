/** Whether the instance can encrypt at all. */

import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { refused } from "../errors.ts";
import type { Vault } from "../ports.ts";
import type { Services } from "../services.ts";

export async function openVault(services: Pick<Services, "openVault">): Promise<Outcome<Vault>> {
  const vault = await services.openVault();
  return vault.ok
    ? ok(vault.value)
    : refused("master_key_missing", `Nothing can be encrypted on this instance: ${vault.error}.`);
}
