/** What a token is made of. */

import { newId } from "../../domain/ids.ts";
import type { Role, Token } from "../../domain/workspace/workspace.ts";
import type { Services } from "../services.ts";

/** Marks a leaked token as ours, for people and for scanners. */
const TOKEN_PREFIX = "car_";
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
/** 40 characters of five bits: 200 bits cannot be guessed, so a plain SHA-256 is enough to store them by. */
const TOKEN_CHARACTERS = 40;
/** `car_` and six more: enough to tell tokens apart, 170 bits short of the token. */
const SHOWN_CHARACTERS = 10;

export interface NewToken {
  readonly token: Token;
  /** The token itself: shown once, kept nowhere. */
  readonly secret: string;
}

/** A token of a workspace; `secret` is drawn unless its owner brings one. */
export async function newToken(
  services: Pick<Services, "clock" | "random" | "digest">,
  details: { readonly workspaceId: string; readonly name: string; readonly role: Role; readonly secret?: string },
): Promise<NewToken> {
  const secret = details.secret ?? drawToken(services, TOKEN_PREFIX);
  const nowMs = services.clock.now();
  return {
    secret,
    token: {
      id: newId("tok", nowMs, services.random),
      workspaceId: details.workspaceId,
      name: details.name,
      role: details.role,
      hash: await services.digest(secret),
      prefix: secret.slice(0, SHOWN_CHARACTERS),
      createdAtMs: nowMs,
    },
  };
}

/** The text of a token of any kind. */
export function drawToken({ random }: Pick<Services, "random">, prefix: string): string {
  const characters = Array.from({ length: TOKEN_CHARACTERS }, () => ALPHABET.charAt(Math.floor(random() * 32)));
  return prefix + characters.join("");
}
