/** `POST /v1/jobs/import`: crontab text becomes jobs. */

import { z } from "@hono/zod-openapi";
import type { Outcome } from "../../app/errors.ts";
import { invalid } from "../../app/errors.ts";
import type { ImportedLine, ImportRequest } from "../../app/jobs/importJobs.ts";
import { IMPORT_LINES_MOST, importJobs } from "../../app/jobs/importJobs.ts";
import { ok } from "../../domain/result.ts";
import { flag, object, optional, text } from "../fields.ts";
import type { Operation, WorkspaceInput } from "../operation.ts";
import { jsonBody } from "../operation.ts";
import { readBody, readQuery } from "../readInput.ts";

/** More than the largest body, whose own bound is the one that counts. */
const CRONTAB_CHARACTERS_MOST = 262_144;

const options = {
  default_url: optional(text(1, 8_192)).openapi({ description: "The target of lines that name none." }),
  timezone: optional(text(1, 64)).openapi({ description: "IANA zone of every line; default UTC." }),
  dry_run: optional(flag()).openapi({ description: "Says what would be created, and creates nothing." }),
};

const ImportBody = object({ crontab: text(1, CRONTAB_CHARACTERS_MOST), ...options }).openapi("ImportJobs");
const ImportQuery = object(options);

const LineSchema = z
  .strictObject({
    line: z.int().openapi({ description: "Counted from 1." }),
    text: z.string(),
    status: z.enum(["created", "would_create", "error"]),
    job_id: z.string().optional(),
    name: z.string().optional(),
    message: z.string().optional().openapi({ description: "Why not, or what to know." }),
  })
  .openapi("ImportedLine");

const ImportSchema = z
  .strictObject({
    lines: z.array(LineSchema),
    totals: z.strictObject({ lines: z.int(), created: z.int(), would_create: z.int(), errors: z.int() }),
  })
  .openapi("ImportResult");

const CRONTAB =
  "# nightly\n0 2 * * * https://api.example.com/sync\n@hourly https://api.example.com/tick\n61 * * * * https://x.example.com\n";

export const importJobsOperation: Operation = {
  access: "write",
  contract: {
    id: "importJobs",
    method: "post",
    path: "/v1/jobs/import",
    tag: "Jobs",
    summary: "Import a crontab",
    description:
      `Creates a cron job of each line \`<cron> <url>\`, at most ${IMPORT_LINES_MOST} at a time. Blank lines and \`#\` ` +
      "comments are ignored; @hourly, @daily, @weekly, @monthly and @yearly are understood. A line that is not accepted " +
      "says why and stops no other. As text/plain, the body is the crontab and the options stand in the query.",
    query: ImportQuery,
    body: {
      schema: ImportBody,
      example: { crontab: CRONTAB, timezone: "Europe/Berlin" },
      text: { schema: z.string(), example: CRONTAB },
    },
    answers: {
      200: {
        description: "What became of each line.",
        schema: ImportSchema,
        example: {
          lines: [
            {
              line: 2,
              text: "0 2 * * * https://api.example.com/sync",
              status: "created",
              job_id: "job_01k8rb2c9078f31njdbhv0m7q2",
              name: "api.example.com/sync",
            },
            {
              line: 3,
              text: "@hourly https://api.example.com/tick",
              status: "created",
              job_id: "job_01k8rb2c9p9h2c5v7x1d3k4m6n",
              name: "api.example.com/tick",
            },
            {
              line: 4,
              text: "61 * * * * https://x.example.com",
              status: "error",
              message: "The minute field has 61; accepted are 0 to 59.",
            },
          ],
          totals: { lines: 3, created: 2, would_create: 0, errors: 1 },
        },
      },
    },
    errors: [],
  },
  async handle(input) {
    const request = readImport(input);
    if (!request.ok) return request;
    const lines = await importJobs(input.services, input.workspaceId, request.value);
    if (!lines.ok) return lines;
    const count = (status: ImportedLine["status"]): number =>
      lines.value.filter((line) => line.status === status).length;
    const body: z.output<typeof ImportSchema> = {
      lines: lines.value.map(fromLine),
      totals: {
        lines: lines.value.length,
        created: count("created"),
        would_create: count("would_create"),
        errors: count("error"),
      },
    };
    return ok({ status: 200, body });
  },
};

function readImport(input: WorkspaceInput): Outcome<ImportRequest> {
  const { body, query } = input;
  if (body.type === "text") {
    const read = readQuery(ImportQuery, query);
    return read.ok ? ok(toRequest({ ...read.value, crontab: body.text })) : read;
  }
  const misplaced = [...new Set(query.keys())].map((path) => ({
    path,
    message: "belongs into the JSON body; the query is for a text/plain body",
  }));
  if (misplaced.length > 0) return invalid(misplaced);
  const read = readBody(ImportBody, jsonBody(input));
  return read.ok ? ok(toRequest(read.value)) : read;
}

function toRequest(wire: z.output<typeof ImportBody>): ImportRequest {
  return {
    crontab: wire.crontab,
    defaultUrl: wire.default_url ?? null,
    timezone: wire.timezone ?? null,
    dryRun: wire.dry_run ?? false,
  };
}

function fromLine(imported: ImportedLine): z.output<typeof LineSchema> {
  const { line, text, status } = imported;
  switch (status) {
    case "created": {
      const { job, note } = imported;
      return { line, text, status, job_id: job.id, name: job.name, ...(note === null ? {} : { message: note }) };
    }
    case "would_create":
      return { line, text, status, name: imported.name };
    case "error":
      return { line, text, status, message: imported.message };
  }
}
