/** The secrets of a workspace: create, list, give a new value, delete. A value goes in and never comes out. */

import { newId } from "../../domain/ids.ts";
import type { FieldIssue } from "../../domain/issue.ts";
import { ok } from "../../domain/result.ts";
import { SECRET_NAME_RULE, isSecretName } from "../../domain/secret/reference.ts";
import { DEFAULT_ENVIRONMENT, valueProblem } from "../../domain/secret/secret.ts";
import type { Secret } from "../../domain/secret/secret.ts";
import { cutPage } from "../cutPage.ts";
import type { Outcome } from "../errors.ts";
import { invalid, notFound, refused } from "../errors.ts";
import type { Page, SecretWithUsers } from "../ports.ts";
import type { Services } from "../services.ts";
import { openVault } from "./masterKey.ts";

export interface SecretInput {
  readonly name: string;
  readonly value: string;
  /** `null` for the default. */
  readonly environment: string | null;
}

export async function createSecret(
  services: Services,
  workspaceId: string,
  { name, value, environment }: SecretInput,
): Promise<Outcome<SecretWithUsers>> {
  const issues = valueIssues(value);
  if (!isSecretName(name)) issues.unshift({ path: "name", message: SECRET_NAME_RULE });
  if (issues.length > 0) return invalid(issues);
  const vault = await openVault(services);
  if (!vault.ok) return vault;
  const nowMs = services.clock.now();
  const secret: Secret = {
    id: newId("sec", nowMs, services.random),
    workspaceId,
    name,
    environment: environment ?? DEFAULT_ENVIRONMENT,
    revision: 1,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  const sealed = await vault.value.seal({ workspaceId, name }, value);
  if ((await services.secrets.insert(secret, sealed)) === "name_taken") {
    return refused(
      "secret_exists",
      `There is a secret named "${name}" already. Give it a new value with PUT /v1/secrets/${name}.`,
      { details: { name } },
    );
  }
  return await findSecret(services, workspaceId, name);
}

/** A workspace has a handful of secrets, so a page is cut from all of them. */
export async function listSecrets(
  services: Services,
  workspaceId: string,
  page: { readonly limit: number; readonly offset: number },
): Promise<Page<SecretWithUsers>> {
  return cutPage(await services.secrets.list(workspaceId), page);
}

/** The next attempt uses the new value, also of an execution that is under way. */
export async function replaceSecret(
  services: Services,
  workspaceId: string,
  name: string,
  value: string,
): Promise<Outcome<SecretWithUsers>> {
  const issues = valueIssues(value);
  if (issues.length > 0) return invalid(issues);
  const vault = await openVault(services);
  if (!vault.ok) return vault;
  const sealed = await vault.value.seal({ workspaceId, name }, value);
  const replaced = await services.secrets.replaceValue(workspaceId, name, sealed, services.clock.now());
  return replaced ? await findSecret(services, workspaceId, name) : notFound("secret");
}

/** With `force` also when jobs use it: their attempts then fail with `secret_unavailable` and send nothing. */
export async function deleteSecret(
  services: Services,
  workspaceId: string,
  name: string,
  force: boolean,
): Promise<Outcome<null>> {
  if ((await services.secrets.delete(workspaceId, name, force)) === "deleted") return ok(null);
  const kept = await services.secrets.find(workspaceId, name);
  if (kept === null) return notFound("secret");
  const count = kept.usedBy.length;
  return refused(
    "secret_in_use",
    `${count === 1 ? "A job uses" : `${count} jobs use`} this secret and would fail without it. Change them first, or delete it all the same with ?force=true.`,
    { details: { used_by: [...kept.usedBy] } },
  );
}

async function findSecret(services: Services, workspaceId: string, name: string): Promise<Outcome<SecretWithUsers>> {
  const found = await services.secrets.find(workspaceId, name);
  // Somebody may have deleted it in the meantime.
  return found === null ? notFound("secret") : ok(found);
}

function valueIssues(value: string): FieldIssue[] {
  const message = valueProblem(value);
  return message === null ? [] : [{ path: "value", message }];
}
