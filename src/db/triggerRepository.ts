/** Tokens and secrets of jobs that webhooks start, in D1. The text of neither is here. */

import { and, eq, gt, isNull, or, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { StoredTriggerToken, TriggerRepository } from "../app/ports.ts";
import type { StorageDeps } from "./calls.ts";
import { once, repeated } from "./calls.ts";
import { toJob } from "./jobRow.ts";
import { createRewrapStore } from "./rewrapStore.ts";
import { jobs, triggerTokens, webhookSecrets } from "./schema.ts";

/** The secret that the definition names: an older one may still be there, and must not count. */
const NAMED_SECRET = sql`json_extract(${jobs.definition}, '$.webhook.verification.secretId')`;

/** Nothing of a rotation is done twice: what is repeated finds its token. */
const IS_NEW = "NOT EXISTS (SELECT 1 FROM trigger_tokens WHERE hash = ?2)";

/** Of the tokens before, all that were on their way out; without an overlap the current one as well. */
const END_OLDER = `
DELETE FROM trigger_tokens WHERE job_id = ?1 AND ${IS_NEW} AND (expires_at IS NOT NULL OR ?3 <= ?4)`;
const EXPIRE_CURRENT = `
UPDATE trigger_tokens SET expires_at = ?3 WHERE job_id = ?1 AND ${IS_NEW} AND expires_at IS NULL`;

const CURRENT_TOKENS = `
SELECT hash, job_id, workspace_id, created_at, kid, envelope
FROM json_each(?1) AS wanted CROSS JOIN trigger_tokens INDEXED BY trigger_tokens_by_job
WHERE job_id = wanted.value AND expires_at IS NULL`;

interface TokenRow {
  readonly hash: string;
  readonly job_id: string;
  readonly workspace_id: string;
  readonly created_at: number;
  readonly kid: string | null;
  readonly envelope: string | null;
}

export function createTriggerRepository(db: D1Database, deps: StorageDeps): TriggerRepository {
  const orm = drizzle(db);

  const insertToken = ({ sealed, ...token }: StoredTriggerToken) =>
    db
      .prepare(
        `INSERT INTO trigger_tokens (hash, job_id, workspace_id, created_at, expires_at, kid, envelope)
        VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6) ON CONFLICT (hash) DO NOTHING`,
      )
      .bind(
        token.hash,
        token.jobId,
        token.workspaceId,
        token.createdAtMs,
        sealed?.masterKeyId ?? null,
        sealed?.envelope ?? null,
      );

  return {
    sealedTokens: createRewrapStore(db, deps, "trigger_tokens"),
    sealedSecrets: createRewrapStore(db, deps, "webhook_secrets"),

    async insert({ token, secret }) {
      const statements: D1PreparedStatement[] = token === null ? [] : [insertToken(token)];
      if (secret !== null) {
        const { id, jobId, workspaceId, createdAtMs, sealed } = secret;
        statements.push(
          db
            .prepare(
              `INSERT INTO webhook_secrets (id, job_id, workspace_id, created_at, kid, envelope)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING`,
            )
            .bind(id, jobId, workspaceId, createdAtMs, sealed.masterKeyId, sealed.envelope),
        );
      }
      if (statements.length > 0) await repeated(deps, "triggers.insert", () => db.batch(statements));
    },

    async findByToken(hash, nowMs) {
      const [row] = await once("triggers.find_by_token", () =>
        orm
          .select({ job: jobs, secret: webhookSecrets.envelope })
          .from(triggerTokens)
          .innerJoin(jobs, eq(jobs.id, triggerTokens.jobId))
          .leftJoin(webhookSecrets, eq(webhookSecrets.id, NAMED_SECRET))
          .where(
            and(
              eq(triggerTokens.hash, hash),
              or(isNull(triggerTokens.expiresAt), gt(triggerTokens.expiresAt, nowMs)),
              eq(jobs.kind, "webhook_trigger"),
              isNull(jobs.deletedAt),
            ),
          ),
      );
      return row === undefined ? null : { job: toJob(row.job), secret: row.secret };
    },

    async currentTokens(jobIds) {
      if (jobIds.length === 0) return [];
      const { results } = await once("triggers.current_tokens", () =>
        db.prepare(CURRENT_TOKENS).bind(JSON.stringify(jobIds)).all<TokenRow>(),
      );
      return results.map(toStoredToken);
    },

    async rotate(token, overlapUntilMs) {
      const { jobId, hash, createdAtMs } = token;
      await repeated(deps, "triggers.rotate", () =>
        db.batch([
          db.prepare(END_OLDER).bind(jobId, hash, overlapUntilMs, createdAtMs),
          db.prepare(EXPIRE_CURRENT).bind(jobId, hash, overlapUntilMs),
          insertToken(token),
        ]),
      );
    },

    async deleteOf(jobId) {
      await repeated(deps, "triggers.delete_of", () =>
        orm.batch([
          orm.delete(triggerTokens).where(eq(triggerTokens.jobId, jobId)),
          orm.delete(webhookSecrets).where(eq(webhookSecrets.jobId, jobId)),
        ]),
      );
    },

    async deleteSecret(secretId) {
      await repeated(deps, "triggers.delete_secret", () =>
        orm.delete(webhookSecrets).where(eq(webhookSecrets.id, secretId)),
      );
    },
  };
}

function toStoredToken(row: TokenRow): StoredTriggerToken {
  const { kid, envelope } = row;
  return {
    hash: row.hash,
    jobId: row.job_id,
    workspaceId: row.workspace_id,
    createdAtMs: row.created_at,
    sealed: kid === null || envelope === null ? null : { masterKeyId: kid, envelope },
  };
}
