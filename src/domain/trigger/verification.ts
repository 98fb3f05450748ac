/**
 * How a webhook proves that it comes from whom it should: what each provider signs, and where its signature stands. The
 * comparison itself needs the secret and is done by whoever may open it (`src/secrets/triggerSeals.ts`).
 */

import { err, ok, type Result } from "../result.ts";
import { WEBHOOK_SIGNATURE_HEADER } from "../signing/standardWebhooks.ts";

export const VERIFICATION_TYPES = ["shared_secret", "hmac_sha256", "stripe", "standard_webhooks"] as const;
export type VerificationType = (typeof VERIFICATION_TYPES)[number];

export const ENCODINGS = ["hex", "base64"] as const;
export type Encoding = (typeof ENCODINGS)[number];

export interface Verification {
  readonly type: VerificationType;
  /** Where secret or signature stand; in lower case. */
  readonly header: string;
  /** Stands before secret or signature within the header: `sha256=`, `Bearer `. */
  readonly prefix: string;
  /** Of the signature; `null` for a shared secret, which is compared as it is. */
  readonly encoding: Encoding | null;
  /** How far the signed time may be from ours, either way; `null` for types that sign no time. */
  readonly toleranceSeconds: number | null;
  /** The secret is kept apart, sealed, under this id; a new value is a new id. */
  readonly secretId: string;
}

/** What a type says about members that are not given. Five minutes is what Stripe and Standard Webhooks recommend. */
export const VERIFICATION_DEFAULTS = {
  shared_secret: { header: "x-webhook-secret", encoding: null, toleranceSeconds: null },
  // Every provider has a header of its own: x-hub-signature-256, x-shopify-hmac-sha256, …
  hmac_sha256: { header: null, encoding: "hex", toleranceSeconds: null },
  stripe: { header: "stripe-signature", encoding: "hex", toleranceSeconds: 300 },
  standard_webhooks: { header: WEBHOOK_SIGNATURE_HEADER, encoding: "base64", toleranceSeconds: 300 },
} as const satisfies Record<VerificationType, Omit<Verification, "type" | "prefix" | "secretId" | "header"> & { header: string | null }>; // prettier-ignore

/** What a request claims about itself; it holds if the secret says so. */
export type Proof =
  | { readonly type: "secret"; readonly text: string }
  | {
      readonly type: "signature";
      /** What is signed before the raw body. */
      readonly signedBefore: string;
      readonly encoding: Encoding;
      /** One of them must be right: there are several while a provider rotates its secret. */
      readonly signatures: readonly [string, ...string[]];
    };

/** More than any rotation needs; each costs a computation that a stranger asks for. */
const SIGNATURES_MOST = 8;

/**
 * Reads the proof from a request's headers (names in lower case). The error is a sentence about the request, of which
 * nothing more needs to be known to refuse it.
 */
export function readProof(
  verification: Verification,
  headers: Readonly<Record<string, string>>,
  nowMs: number,
): Result<Proof, string> {
  const { type, header, prefix } = verification;
  const given = headerOf(headers, header);
  if (given === null) return err(`The header ${header} is missing.`);
  switch (type) {
    case "stripe":
      return readStripe(verification, given, nowMs);
    case "standard_webhooks":
      return readStandardWebhooks(verification, given, headers, nowMs);
    case "shared_secret":
    case "hmac_sha256":
      break;
  }
  if (!given.startsWith(prefix) || given.length === prefix.length) {
    return err(`The header ${header} must be ${prefix === "" ? "" : `"${prefix}" and then `}the ${nounOf(type)}.`);
  }
  const text = given.slice(prefix.length);
  if (type === "shared_secret") return ok({ type: "secret", text });
  return ok({ type: "signature", signedBefore: "", encoding: verification.encoding ?? "hex", signatures: [text] });
}

function nounOf(type: VerificationType): string {
  return type === "shared_secret" ? "secret" : "signature";
}

/** `t=1492774577,v1=5257a8…,v1=…,v0=…`: HMAC of `t.body`, hex (https://docs.stripe.com/webhooks#verify-manually). */
function readStripe(verification: Verification, given: string, nowMs: number): Result<Proof, string> {
  const pairs = given.split(",").map((part) => {
    const [name = "", ...value] = part.split("=");
    return { name: name.trim(), value: value.join("=").trim() };
  });
  const timestamp = pairs.find(({ name }) => name === "t")?.value ?? "";
  const found = pairs.flatMap(({ name, value }) => (name === "v1" && value !== "" ? [value] : []));
  return timed(verification, { timestamp, nowMs, signedBefore: `${timestamp}.`, signatures: found, form: "t=…,v1=…" });
}

/**
 * `v1,<base64> v1,<base64>`: HMAC of `id.timestamp.body`
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md). Id and time stand in the
 * headers beside it, which for Svix begin with `svix-`.
 */
function readStandardWebhooks(
  verification: Verification,
  given: string,
  headers: Readonly<Record<string, string>>,
  nowMs: number,
): Result<Proof, string> {
  const family = verification.header.slice(0, -SIGNATURE_SUFFIX.length);
  const id = headerOf(headers, `${family}-id`);
  const timestamp = headerOf(headers, `${family}-timestamp`);
  if (id === null) return err(`The header ${family}-id is missing.`);
  if (timestamp === null) return err(`The header ${family}-timestamp is missing.`);
  const found = given.split(" ").flatMap((part) => (part.startsWith("v1,") && part.length > 3 ? [part.slice(3)] : []));
  const signedBefore = `${id}.${timestamp}.`;
  return timed(verification, { timestamp, nowMs, signedBefore, signatures: found, form: "v1,…" });
}

/** What the header of a Standard Webhooks signature ends in. */
export const SIGNATURE_SUFFIX = "-signature";

/** The time is judged before the signature: it is part of what is signed, so a false one is found out right after. */
function timed(
  { header, encoding, toleranceSeconds }: Verification,
  {
    timestamp,
    nowMs,
    signedBefore,
    signatures,
    form,
  }: {
    readonly timestamp: string;
    readonly nowMs: number;
    readonly signedBefore: string;
    readonly signatures: readonly string[];
    readonly form: string;
  },
): Result<Proof, string> {
  const [first, ...others] = signatures.slice(0, SIGNATURES_MOST);
  if (first === undefined) return err(`The header ${header} must have the form ${form}.`);
  if (!/^\d{1,12}$/.test(timestamp)) return err("The signed time must be in whole seconds since 1970.");
  const allowed = toleranceSeconds ?? 0;
  if (Math.abs(nowMs / 1_000 - Number(timestamp)) > allowed) {
    return err(`The signed time is more than ${allowed} seconds from now.`);
  }
  return ok({ type: "signature", signedBefore, encoding: encoding ?? "hex", signatures: [first, ...others] });
}

function headerOf(headers: Readonly<Record<string, string>>, name: string): string | null {
  const value = Object.hasOwn(headers, name) ? headers[name]?.trim() : undefined;
  return value === undefined || value === "" ? null : value;
}

/** The bytes of a Standard Webhooks secret are base64, after its `whsec_`; all other secrets are text. */
export function isBase64Secret(type: VerificationType): boolean {
  return type === "standard_webhooks";
}
