/** What the deployment binds: `wrangler.toml` names it, the README says how to set the secrets. */

import type { JobActor } from "../actors/job/JobActor.ts";
import type { ExecutionMessage } from "../queue/message.ts";

export interface Bindings {
  readonly DB: D1Database;
  readonly JOB_ACTOR: DurableObjectNamespace<JobActor>;
  readonly EXECUTIONS: Queue<ExecutionMessage>;
  readonly LONG_EXECUTIONS: Queue<ExecutionMessage>;
  /** How many requests one invocation may have open at a time: 6 on the platform, unlimited on a laptop. */
  readonly CONNECTIONS_PER_INVOCATION: string;
  /** How many attempts an isolate makes at a time besides those that come from a queue; "0": all do. */
  readonly DIRECT_ATTEMPTS_PER_ISOLATE?: string;
  /** Days; "0" keeps everything. */
  readonly HISTORY_RETENTION_DAYS?: string;
  /** Secret. Opens `POST /v1/workspaces`, and nothing inside a workspace. */
  readonly ADMIN_TOKEN?: string;
  /** Secrets: the key that wraps the keys of all secrets, and the one before it while a rotation is under way. */
  readonly MASTER_KEY?: string;
  readonly MASTER_KEY_PREVIOUS?: string;
  /** Where people and webhooks reach this instance, such as "https://jobs.example.com"; by default where a request came in. */
  readonly PUBLIC_URL?: string;
  /** Comma-separated hosts that this instance answers on, besides the one a request came in by: no job may call them. */
  readonly PUBLIC_HOSTS?: string;
  /** "true" lets jobs call private addresses: set by `npm start` and by tests, never by a deployment. */
  readonly ALLOW_PRIVATE_TARGETS?: string;
}
