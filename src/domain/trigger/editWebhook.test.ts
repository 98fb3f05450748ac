import { describe, expect, it } from "vitest";
import type { WebhookChanges } from "./editWebhook.ts";
import { mergeWebhook, validateWebhook, webhookOf } from "./editWebhook.ts";
import type { WebhookSpec } from "./webhook.ts";
import { WEBHOOK_DEFAULTS } from "./webhook.ts";

const GITHUB: WebhookChanges = {
  verification: {
    type: "hmac_sha256",
    secret: "s",
    secretId: "whs_1",
    header: "X-Hub-Signature-256",
    prefix: "sha256=",
  },
};

/** The block that results, or the complaints about it. */
function edit(before: WebhookSpec | null, changes: WebhookChanges | null | undefined) {
  const draft = mergeWebhook(before, changes);
  const issues = validateWebhook(draft, "webhook_trigger");
  return issues.length > 0 || draft === null ? issues : webhookOf(draft);
}

function saved(changes: WebhookChanges, before: WebhookSpec = WEBHOOK_DEFAULTS): WebhookSpec {
  const result = edit(before, changes);
  if (result === null || Array.isArray(result)) throw new Error(JSON.stringify(result));
  return result;
}

describe("a webhook block", () => {
  it("is open, unfiltered and limited by default", () => {
    expect(edit(WEBHOOK_DEFAULTS, undefined)).toEqual(WEBHOOK_DEFAULTS);
    expect(edit(WEBHOOK_DEFAULTS, {})).toEqual(WEBHOOK_DEFAULTS);
    expect(edit(saved(GITHUB), null)).toEqual(WEBHOOK_DEFAULTS);
  });

  it("never holds a secret, only the id that it is stored under", () => {
    const { verification } = saved(GITHUB);
    expect(verification).toEqual({
      type: "hmac_sha256",
      header: "x-hub-signature-256",
      prefix: "sha256=",
      encoding: "hex",
      toleranceSeconds: null,
      secretId: "whs_1",
    });
  });

  it.each([
    ["shared_secret", "s", { header: "x-webhook-secret", encoding: null, toleranceSeconds: null }],
    ["stripe", "whsec_x", { header: "stripe-signature", encoding: "hex", toleranceSeconds: 300 }],
    ["standard_webhooks", "whsec_AAAA", { header: "webhook-signature", encoding: "base64", toleranceSeconds: 300 }],
  ] as const)("knows where %s has its signature", (type, secret, expected) => {
    const changes = { verification: { type, secret, secretId: "whs_1", prefix: "", encoding: "hex" } } as const;
    expect(saved(changes).verification).toMatchObject(expected);
  });

  it("keeps the secret when what was read is sent back, and takes a new one alone", () => {
    const before = saved(GITHUB);
    const shown = { type: "hmac_sha256", header: "x-hub-signature-256", prefix: "sha256=", encoding: "hex", toleranceSeconds: null } as const; // prettier-ignore
    expect(saved({ verification: shown }, before)).toEqual(before);
    expect(saved({ verification: { secret: "t", secretId: "whs_2" } }, before).verification).toEqual({
      ...before.verification,
      secretId: "whs_2",
    });
  });

  it("wants a new secret with a new type, and forgets it with the verification", () => {
    const before = saved(GITHUB);
    const path = "webhook.verification.secret";
    expect(edit(before, { verification: { type: "stripe" } })).toEqual([expect.objectContaining({ path })]);
    const open = saved({ verification: null }, before);
    expect(open.verification).toBeNull();
    expect(edit(open, { verification: { type: "shared_secret" } })).toEqual([expect.objectContaining({ path })]);
  });

  it("replaces dedupe, filter and rate_limit as a whole, and null takes them away", () => {
    const filter = { left: "{{trigger.body.a}}", operator: "eq", right: 1 } as const;
    const before = saved({
      dedupe: { header: "X-Delivery", windowSeconds: 60 },
      filter,
      rateLimit: { requests: 1, perSeconds: 1 },
    });
    expect(before).toMatchObject({ dedupe: { by: { header: "x-delivery" }, windowSeconds: 60 }, filter });
    const after = saved({ dedupe: { path: "$.id", windowSeconds: 5 } }, before);
    expect(after.dedupe).toEqual({ by: { path: "$.id" }, windowSeconds: 5 });
    expect(after.rateLimit).toEqual({ requests: 1, perSeconds: 1 });
    expect(saved({ dedupe: null, filter: null, rateLimit: null }, after)).toEqual(WEBHOOK_DEFAULTS);
  });

  it.each<[string, WebhookChanges]>([
    ["webhook.verification.type", { verification: { secret: "s", secretId: "whs_1" } }],
    ["webhook.verification.header", { verification: { type: "hmac_sha256", secret: "s", secretId: "whs_1" } }],
    [
      "webhook.verification.header",
      { verification: { type: "shared_secret", secret: "s", secretId: "w", header: "a b" } },
    ],
    ["webhook.verification.header", { verification: { type: "standard_webhooks", secret: "AAAA", secretId: "w", header: "x-sig" } }], // prettier-ignore
    [
      "webhook.verification.secret",
      { verification: { type: "standard_webhooks", secret: "not base64!", secretId: "w" } },
    ],
    ["webhook.verification.secret", { verification: { type: "stripe", secret: "\uD800", secretId: "w" } }],
    ["webhook.verification.tolerance_seconds", { verification: { type: "shared_secret", secret: "s", secretId: "w", toleranceSeconds: 5 } }], // prettier-ignore
    ["webhook.dedupe", { dedupe: { windowSeconds: 5 } }],
    ["webhook.dedupe", { dedupe: { header: "a", path: "$.a", windowSeconds: 5 } }],
    ["webhook.dedupe.header", { dedupe: { header: "a b", windowSeconds: 5 } }],
    ["webhook.dedupe.path", { dedupe: { path: "nope[", windowSeconds: 5 } }],
    ["webhook.filter.left", { filter: { left: "{{input.a}}", operator: "eq", right: 1 } }],
    ["webhook.filter.all[0].right", { filter: { all: [{ left: "a", operator: "matches", right: "(" }] } }],
    ["webhook.filter.not.left", { filter: { not: { left: { a: ["{{trigger.body"] }, operator: "exists", right: null } } }], // prettier-ignore
  ])("says what is wrong with %s", (path, changes) => {
    expect(edit(WEBHOOK_DEFAULTS, changes)).toEqual([expect.objectContaining({ path })]);
  });

  it("is for jobs that webhooks start", () => {
    expect(mergeWebhook(null, undefined)).toBeNull();
    expect(mergeWebhook(null, null)).toBeNull();
    const draft = mergeWebhook(null, {});
    expect(validateWebhook(draft, "cron")).toEqual([{ path: "webhook", message: 'is for kind "webhook_trigger"' }]);
  });
});
