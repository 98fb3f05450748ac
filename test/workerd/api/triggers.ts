/** Jobs that webhooks start, and senders that sign, for tests of the API. */

import type { Reply, TestWorkspace } from "./harness.ts";
import { call } from "./harness.ts";

export interface TriggerJob {
  readonly id: string;
  readonly webhook_url: string;
  readonly webhook_token: string;
  readonly webhook_secret_configured: boolean;
}

/** Its one step makes no request, so nobody is reached. */
export async function createTriggerJob(
  workspace: TestWorkspace,
  webhook?: unknown,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<TriggerJob> {
  const body = {
    name: "on-event",
    kind: "webhook_trigger",
    steps: [{ id: "note", type: "transform", value: { ref: "{{trigger.body.ref}}" } }],
    ...(webhook === undefined ? {} : { webhook }),
    ...changes,
  };
  const reply = await workspace.call("POST", "/v1/jobs", { body });
  if (reply.status !== 201) throw new Error(JSON.stringify(reply.body));
  return reply.body as TriggerJob;
}

export async function deliver(
  { webhook_token: token }: Pick<TriggerJob, "webhook_token">,
  body: unknown = { ref: "main" },
  headers: Readonly<Record<string, string>> = {},
  query = "",
): Promise<Reply> {
  return await call("POST", `/v1/triggers/${token}${query}`, { body, headers });
}

export async function executionsOf(workspace: TestWorkspace, job: Pick<TriggerJob, "id">): Promise<{ id: string }[]> {
  const reply = await workspace.call("GET", `/v1/jobs/${job.id}/executions`);
  return reply.body.data;
}

export async function hmac(secret: string, content: string, encoding: "hex" | "base64"): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), algorithm, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(content)));
  if (encoding === "base64") return btoa(String.fromCharCode(...mac));
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
