/** Turns crontab text into jobs, line by line. */

import type { FieldIssue } from "../../domain/issue.ts";
import { createJob as newJob } from "../../domain/job/edit.ts";
import type { Job } from "../../domain/job/job.ts";
import { NAME_CHARACTERS_MOST } from "../../domain/job/validate.ts";
import { ok } from "../../domain/result.ts";
import { parseCrontab } from "../../domain/schedule/crontab.ts";
import type { CrontabLine } from "../../domain/schedule/crontab.ts";
import { validateTimezone } from "../../domain/schedule/timezone.ts";
import type { Outcome } from "../errors.ts";
import { invalid } from "../errors.ts";
import type { Services } from "../services.ts";
import { sideBySide } from "../sideBySide.ts";
import { applyJob } from "./applyJob.ts";

/** Keeps one request within the time that a client waits for it. */
export const IMPORT_LINES_MOST = 500;

/** Connections that one invocation may hold open at once (facts/cloudflare-platform.md). */
const AT_A_TIME = 6;

export interface ImportRequest {
  readonly crontab: string;
  readonly defaultUrl: string | null;
  readonly timezone: string | null;
  /** Says what would be created, and creates nothing. */
  readonly dryRun: boolean;
}

export type ImportedLine =
  | {
      readonly line: number;
      readonly text: string;
      readonly status: "created";
      readonly job: Job;
      /** What the owner should know although the job was created. */
      readonly note: string | null;
    }
  | { readonly line: number; readonly text: string; readonly status: "would_create"; readonly name: string }
  | { readonly line: number; readonly text: string; readonly status: "error"; readonly message: string };

/** A line that cannot become a job says why and stops no other. Blank lines and comments are not in the answer. */
export async function importJobs(
  services: Services,
  workspaceId: string,
  request: ImportRequest,
): Promise<Outcome<readonly ImportedLine[]>> {
  const lines = parseCrontab(request.crontab, { defaultUrl: request.defaultUrl ?? undefined });
  const issues = requestIssues(request, lines);
  if (issues.length > 0) return invalid(issues);
  return ok(await sideBySide(lines, AT_A_TIME, (line) => importLine(services, workspaceId, request, line)));
}

function requestIssues(request: ImportRequest, lines: readonly CrontabLine[]): FieldIssue[] {
  const zone = request.timezone === null ? null : validateTimezone(request.timezone, "timezone");
  const issues = zone === null || zone.ok ? [] : [zone.error];
  if (lines.length === 0)
    issues.push({ path: "crontab", message: "must have at least one line that is not a comment" });
  if (lines.length > IMPORT_LINES_MOST) {
    const message = `may have at most ${IMPORT_LINES_MOST} lines and has ${lines.length}; send it in parts`;
    issues.push({ path: "crontab", message });
  }
  return issues;
}

async function importLine(
  services: Services,
  workspaceId: string,
  request: ImportRequest,
  parsed: CrontabLine,
): Promise<ImportedLine> {
  const { line, text } = parsed;
  if (!parsed.ok) return { line, text, status: "error", message: parsed.reason };
  const job = newJob(
    workspaceId,
    {
      name: nameOf(parsed.url),
      kind: "cron",
      schedule: { cron: parsed.expression, timezone: request.timezone },
      request: { url: parsed.url },
    },
    { nowMs: services.clock.now(), random: services.random, targetPolicy: services.targetPolicy },
  );
  if (!job.ok) return { line, text, status: "error", message: job.error.map(({ message }) => message).join(" ") };
  if (request.dryRun) return { line, text, status: "would_create", name: job.value.name };
  return await saveLine(services, { line, text }, job.value);
}

/** The answer tells what was created even when the storage fails half-way: a fault is this line's error, not everyone's. */
async function saveLine(
  services: Services,
  { line, text }: { readonly line: number; readonly text: string },
  job: Job,
): Promise<ImportedLine> {
  try {
    await services.jobs.insert(job, null);
  } catch (fault) {
    services.report(fault, { call: "import", id: job.id });
    return { line, text, status: "error", message: "The job could not be saved just now; import this line again." };
  }
  const applied = await applyJob(services, job);
  const note = applied.ok || applied.error.code === "invalid_request" ? null : applied.error.message;
  return { line, text, status: "created", job, note };
}

/** Host and path, by which a person recognises the line; the query may hold what a list should not show. */
function nameOf(url: string): string {
  const { host, pathname } = new URL(url);
  const path = pathname === "/" ? "" : pathname;
  return `${host}${path}`.slice(0, NAME_CHARACTERS_MOST);
}
