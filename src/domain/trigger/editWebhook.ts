/** Laying changes over a `webhook` block, and what can be said against the result when it is saved. */

import type { FieldIssue } from "../issue.ts";
import type { JobKind } from "../job/job.ts";
import type { JsonValue } from "../json.ts";
import { checkHeaderSyntax } from "../net/headers.ts";
import { compileJsonPath } from "../response/jsonPath.ts";
import { MAX_SIGNING_KEY_BYTES, SIGNING_KEY_PREFIX } from "../signing/standardWebhooks.ts";
import { parseTemplate } from "../template/template.ts";
import { conditionValues, validateCondition, type Condition } from "../workflow/conditions.ts";
import type { RateLimit } from "./tokenBuckets.ts";
import {
  SIGNATURE_SUFFIX,
  VERIFICATION_DEFAULTS,
  isBase64Secret,
  type Encoding,
  type Verification,
  type VerificationType,
} from "./verification.ts";
import { WEBHOOK_DEFAULTS, type Dedupe, type WebhookSpec } from "./webhook.ts";

type Change<T> = T | null | undefined;

export interface VerificationChanges {
  readonly type?: Change<VerificationType>;
  /** Write-only: judged here, sealed by the use case, and never part of a definition. */
  readonly secret?: Change<string>;
  /** Under which the use case stores a secret that was given. */
  readonly secretId?: string | undefined;
  readonly header?: Change<string>;
  readonly prefix?: Change<string>;
  readonly encoding?: Change<Encoding>;
  readonly toleranceSeconds?: Change<number>;
}

/** `verification` is merged member by member, the others are replaced. */
export interface WebhookChanges {
  readonly verification?: Change<VerificationChanges>;
  readonly dedupe?: Change<{
    readonly header?: Change<string>;
    readonly path?: Change<string>;
    readonly windowSeconds: number;
  }>;
  readonly filter?: Change<Condition>;
  readonly rateLimit?: Change<RateLimit>;
}

export interface VerificationDraft extends Omit<Verification, "type" | "header" | "secretId"> {
  readonly type: VerificationType | null;
  readonly header: string | null;
  readonly secretId: string | null;
  readonly secret: string | null;
}

export interface WebhookDraft extends Omit<WebhookSpec, "verification" | "dedupe"> {
  readonly verification: VerificationDraft | null;
  readonly dedupe: {
    readonly header: string | null;
    readonly path: string | null;
    readonly windowSeconds: number;
  } | null;
}

/** A header's name is compared in lower case, so it is kept so. */
const lower = (name: string | null | undefined): string | null => name?.toLowerCase() ?? null;

/** `null` for a job that no webhook starts. */
export function mergeWebhook(before: WebhookSpec | null, changes: Change<WebhookChanges>): WebhookDraft | null {
  if (changes === undefined) return before === null ? null : draftOf(before);
  if (changes === null) return before === null ? null : draftOf(WEBHOOK_DEFAULTS);
  const base = draftOf(before ?? WEBHOOK_DEFAULTS);
  const { dedupe, filter, rateLimit } = changes;
  return {
    verification: mergeVerification(base.verification, changes.verification),
    dedupe: dedupe === undefined ? base.dedupe : mergeDedupe(dedupe),
    filter: filter === undefined ? base.filter : filter,
    rateLimit: rateLimit === undefined ? base.rateLimit : (rateLimit ?? WEBHOOK_DEFAULTS.rateLimit),
  };
}

function mergeDedupe(changes: NonNullable<WebhookChanges["dedupe"]> | null): WebhookDraft["dedupe"] {
  if (changes === null) return null;
  return { header: lower(changes.header), path: changes.path ?? null, windowSeconds: changes.windowSeconds };
}

/**
 * The secret stays unless another one is given, so that what was read can be sent back; but a new type begins with
 * defaults and a secret of its own. Stripe and Standard Webhooks fix encoding and prefix, whatever is given.
 */
function mergeVerification(
  before: VerificationDraft | null,
  changes: Change<VerificationChanges>,
): VerificationDraft | null {
  if (changes === undefined) return before;
  if (changes === null) return null;
  const type = changes.type ?? before?.type ?? null;
  const defaults = type === null ? null : VERIFICATION_DEFAULTS[type];
  const kept = before?.type === type ? before : null;
  const isFixed = type === "stripe" || type === "standard_webhooks";
  const encoding = changes.encoding === undefined ? kept?.encoding : changes.encoding;
  return {
    type,
    header: lower(changes.header === undefined ? kept?.header : changes.header) ?? defaults?.header ?? null,
    prefix: isFixed ? "" : ((changes.prefix === undefined ? kept?.prefix : changes.prefix) ?? ""),
    encoding: type === "hmac_sha256" ? (encoding ?? "hex") : (defaults?.encoding ?? null),
    toleranceSeconds:
      (changes.toleranceSeconds === undefined ? kept?.toleranceSeconds : changes.toleranceSeconds) ??
      defaults?.toleranceSeconds ??
      null,
    secret: changes.secret ?? null,
    secretId: changes.secretId ?? kept?.secretId ?? null,
  };
}

function draftOf({ verification, dedupe, ...others }: WebhookSpec): WebhookDraft {
  return {
    ...others,
    verification: verification === null ? null : { ...verification, secret: null },
    dedupe:
      dedupe === null
        ? null
        : {
            header: "header" in dedupe.by ? dedupe.by.header : null,
            path: "path" in dedupe.by ? dedupe.by.path : null,
            windowSeconds: dedupe.windowSeconds,
          },
  };
}

/** What a draft without complaints says; `null` while something is missing. */
export function webhookOf(draft: WebhookDraft): WebhookSpec | null {
  const verification = draft.verification === null ? null : verificationOf(draft.verification);
  if (draft.verification !== null && verification === null) return null;
  return { ...draft, verification, dedupe: draft.dedupe === null ? null : dedupeOf(draft.dedupe) };
}

function verificationOf(draft: VerificationDraft): Verification | null {
  const { type, header, secretId, prefix, encoding, toleranceSeconds } = draft;
  if (type === null || header === null || secretId === null) return null;
  return { type, header, prefix, encoding, toleranceSeconds, secretId };
}

function dedupeOf({ header, path, windowSeconds }: NonNullable<WebhookDraft["dedupe"]>): Dedupe {
  return { by: header === null ? { path: path ?? "$" } : { header }, windowSeconds };
}

/** Long enough for every provider's, short enough for a header. */
export const PREFIX_CHARACTERS_MOST = 64;
export const SECRET_CHARACTERS_MOST = 1_024;
export const TOLERANCE_SECONDS_MOST = 86_400;
/** Of an event's name: the actor remembers each one that long, and providers give up redelivering after hours. */
export const WINDOW_SECONDS_MOST = 86_400;
export const RATE_REQUESTS_MOST = 10_000;
export const RATE_PER_SECONDS_MOST = 3_600;

export function validateWebhook(draft: WebhookDraft | null, kind: JobKind | undefined): FieldIssue[] {
  if (draft === null || kind === undefined) return [];
  if (kind !== "webhook_trigger") return [{ path: "webhook", message: 'is for kind "webhook_trigger"' }];
  return [
    ...(draft.verification === null ? [] : validateVerification(draft.verification)),
    ...(draft.dedupe === null ? [] : validateDedupe(draft.dedupe)),
    ...(draft.filter === null ? [] : validateFilter(draft.filter)),
  ];
}

function validateVerification(draft: VerificationDraft): FieldIssue[] {
  const at = "webhook.verification";
  const { type, header, toleranceSeconds } = draft;
  const types = Object.keys(VERIFICATION_DEFAULTS).join(", ");
  if (type === null) return [{ path: `${at}.type`, message: `is required: one of ${types}` }];
  const issues = validateSecret(draft, type, `${at}.secret`);
  if (header === null) {
    const message = "is required for hmac_sha256: where the signature stands, such as x-hub-signature-256";
    issues.push({ path: `${at}.header`, message });
  } else if (checkHeaderSyntax(header, "") !== null) {
    issues.push({ path: `${at}.header`, message: "must be the name of a header, such as x-hub-signature-256" });
  } else if (type === "standard_webhooks" && !(header.endsWith(SIGNATURE_SUFFIX) && header !== SIGNATURE_SUFFIX)) {
    const message = `must end in ${SIGNATURE_SUFFIX}: id and timestamp stand in the headers of the same beginning`;
    issues.push({ path: `${at}.header`, message });
  }
  if (toleranceSeconds !== null && VERIFICATION_DEFAULTS[type].toleranceSeconds === null) {
    issues.push({ path: `${at}.tolerance_seconds`, message: `must be left out: ${type} signs no time` });
  }
  return issues;
}

function validateSecret({ secret, secretId }: VerificationDraft, type: VerificationType, path: string): FieldIssue[] {
  if (secret === null) {
    const message = "is required: what the sender signs with or sends; it is never shown again";
    return secretId === null ? [{ path, message }] : [];
  }
  if (!secret.isWellFormed()) return [{ path, message: "must be text that UTF-8 can carry" }];
  if (!isBase64Secret(type)) return [];
  const base64 = secret.startsWith(SIGNING_KEY_PREFIX) ? secret.slice(SIGNING_KEY_PREFIX.length) : secret;
  const bytes = Math.floor((base64.replace(/=+$/, "").length * 3) / 4);
  const isKey = /^[A-Za-z0-9+/]+={0,2}$/.test(base64) && base64.replace(/=+$/, "").length % 4 !== 1;
  if (isKey && bytes <= MAX_SIGNING_KEY_BYTES) return [];
  return [{ path, message: `must be base64 of at most ${MAX_SIGNING_KEY_BYTES} bytes, after "${SIGNING_KEY_PREFIX}"` }];
}

function validateDedupe({ header, path }: NonNullable<WebhookDraft["dedupe"]>): FieldIssue[] {
  const at = "webhook.dedupe";
  if ((header === null) === (path === null)) {
    return [{ path: at, message: "must have either header or path: where the event's name stands" }];
  }
  if (header !== null) {
    const isName = checkHeaderSyntax(header, "") === null;
    return isName ? [] : [{ path: `${at}.header`, message: "must be the name of a header, such as x-github-delivery" }];
  }
  const compiled = compileJsonPath(path ?? "");
  return compiled.ok ? [] : [{ path: `${at}.path`, message: compiled.error }];
}

function validateFilter(filter: Condition): FieldIssue[] {
  const at = "webhook.filter";
  const issues = validateCondition(filter, at);
  if (issues.length > 0) return issues;
  return conditionValues(filter, at).flatMap(({ path, value }) => validateTemplates(value, path));
}

/** Nothing but the event is there when the filter is judged. */
function validateTemplates(value: JsonValue, path: string): FieldIssue[] {
  if (typeof value === "string") {
    const template = parseTemplate(value);
    if (!template.ok) return [{ path, message: template.error }];
    const stranger = template.value.find((node) => node.kind === "expression" && node.path[0] !== "trigger");
    if (stranger?.kind !== "expression") return [];
    return [{ path, message: `has {{${stranger.source}}}, but a filter sees only {{trigger.…}}` }];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value as Readonly<Record<string, JsonValue>>).flatMap((part) => validateTemplates(part, path));
}
