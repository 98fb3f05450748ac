/**
 * Puts everything that is sealed under the current master key, a bounded slice at a time.
 *
 * Only the key of each value is wrapped anew; no value is decrypted. Every envelope is replaced on its own and only if it
 * is still the one that was read, so a call may be made again, broken off or run beside another one, and attempts read
 * good envelopes all the while.
 */

import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import type { Rewrappable, RewrapStore, Vault } from "../ports.ts";
import type { Services } from "../services.ts";
import { openVault } from "./masterKey.ts";

/** What one call looks at: about a second of work, and half of the queries that D1 allows one invocation (facts 3.1). */
const SLICE = 500;
const PAGE = 50;

export const ROTATED_KINDS = ["secret", "signing_key", "webhook_secret", "trigger_token"] as const;

export interface RewrapFailure {
  readonly kind: (typeof ROTATED_KINDS)[number];
  readonly id: string;
  readonly workspaceId: string;
  /** `unknown_key`: the master key that it is under is not bound; `corrupt`: it does not open. */
  readonly reason: "unknown_key" | "corrupt";
}

export interface RotationReport {
  readonly currentKeyId: string;
  readonly previousKeyId: string | null;
  /** Wrapped anew by this call. */
  readonly done: number;
  readonly failed: readonly RewrapFailure[];
  /** Not under the current key after this call, failures included. */
  readonly remaining: number;
  /** Where the next call goes on, behind what failed; `null` when this one came to the end. */
  readonly nextCursor: string | null;
}

export async function rotateMasterKey(services: Services, cursor: string | null): Promise<Outcome<RotationReport>> {
  const vault = await openVault(services);
  if (!vault.ok) return vault;
  const { currentKeyId, previousKeyId } = vault.value;
  // What has expired signs nothing any more, so it need not be saved over the rotation.
  await services.signingKeys.deleteExpired(services.clock.now());
  const stores: Readonly<Record<RewrapFailure["kind"], RewrapStore>> = {
    secret: services.secrets,
    signing_key: services.signingKeys,
    webhook_secret: services.triggers.sealedSecrets,
    trigger_token: services.triggers.sealedTokens,
  };
  let done = 0;
  const failed: RewrapFailure[] = [];
  let nextCursor: string | null = null;
  let left = SLICE;
  for (const kind of kindsFrom(cursor)) {
    let afterId = afterIdIn(kind, cursor);
    for (;;) {
      const page = await stores[kind].listNotUnder(currentKeyId, afterId, Math.min(PAGE, left));
      const result = await rewrapPage(kind, page, vault.value);
      await stores[kind].rewrap(result.changes);
      done += result.changes.length;
      failed.push(...result.failed);
      left -= page.length;
      afterId = page.at(-1)?.id ?? afterId;
      if (left === 0 || page.length < PAGE) break;
    }
    if (left === 0) {
      nextCursor = afterId;
      break;
    }
  }
  let remaining = 0;
  for (const kind of ROTATED_KINDS) remaining += await stores[kind].countNotUnder(currentKeyId);
  return ok({ currentKeyId, previousKeyId, done, failed, remaining, nextCursor });
}

/** A cursor is the id of the last envelope that was looked at; ids tell their kind. */
const CURSORS: Readonly<Record<RewrapFailure["kind"], RegExp>> = {
  secret: /^sec_[0-9a-z]{26}$/,
  signing_key: /^key_[0-9a-z]{26}$/,
  webhook_secret: /^whs_[0-9a-z]{26}$/,
  trigger_token: /^[0-9a-f]{64}$/,
};

export function isRotationCursor(cursor: string): boolean {
  return kindOf(cursor) !== null;
}

function kindOf(cursor: string): RewrapFailure["kind"] | null {
  return ROTATED_KINDS.find((kind) => CURSORS[kind].test(cursor)) ?? null;
}

/** Kinds are walked in their order. */
function kindsFrom(cursor: string | null): readonly RewrapFailure["kind"][] {
  const first = cursor === null ? null : kindOf(cursor);
  return first === null ? ROTATED_KINDS : ROTATED_KINDS.slice(ROTATED_KINDS.indexOf(first));
}

function afterIdIn(kind: RewrapFailure["kind"], cursor: string | null): string | null {
  return cursor !== null && kindOf(cursor) === kind ? cursor : null;
}

async function rewrapPage(kind: RewrapFailure["kind"], page: readonly Rewrappable[], vault: Vault) {
  const changes: { id: string; from: Rewrappable["sealed"]; to: Rewrappable["sealed"] }[] = [];
  const failed: RewrapFailure[] = [];
  for (const { id, owner, sealed } of page) {
    const to = await vault.rewrap(owner, sealed.envelope);
    if (to.ok) changes.push({ id, from: sealed, to: to.value });
    else failed.push({ kind, id, workspaceId: owner.workspaceId, reason: to.error });
  }
  return { changes, failed };
}
