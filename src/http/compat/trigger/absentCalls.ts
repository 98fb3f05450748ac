/** Calls of the client that have no meaning here: each is 404, is not repeated, and says why. */

import { ok } from "../../../domain/result.ts";
import type { Endpoint, Route } from "../../operation.ts";
import { absent } from "./refusal.ts";

type Call = readonly [method: Route["method"], path: string];

interface Family {
  /** The answer, which says what to do instead. */
  readonly why: string;
  readonly calls: readonly Call[];
}

const FAMILIES: readonly Family[] = [
  {
    why: "Runs leave no trace of spans here; GET /api/v1/runs/:id/events lists the requests that were sent.",
    calls: [
      ["get", "/api/v1/runs/{run_id}/trace"],
      ["get", "/api/v1/runs/{run_id}/spans/{span_id}"],
    ],
  },
  {
    why: "The results of a batch are read run by run: GET /api/v2/batches/:id names them.",
    calls: [["get", "/api/v1/batches/{batch_id}/results"]],
  },
  {
    why: "There are no live subscriptions here; poll the run instead (runs.poll).",
    calls: [
      ["get", "/realtime/v1/runs"],
      ["get", "/realtime/v1/runs/{run_id}"],
      ["get", "/realtime/v1/batches/{batch_id}"],
      ["get", "/realtime/v1/streams/{run_id}/{stream_id}"],
      ["get", "/realtime/v2/streams/{run_id}/{stream_id}"],
      ["put", "/realtime/v1/streams/{run_id}/{target}/{stream_id}"],
      ["post", "/realtime/v1/streams/{run_id}/{target}/{stream_id}/append"],
      ["post", "/realtime/v1/streams/{run_id}/input/{stream_id}"],
    ],
  },
  {
    why: "Files are not stored here: send a payload of at most 128 KB, or where to fetch it.",
    calls: [
      ["put", "/api/v1/packets/{name}"],
      ["get", "/api/v1/packets/{name}"],
      ["put", "/api/v2/packets/{name}"],
      ["get", "/api/v2/packets/{name}"],
      ["get", "/api/v1/runs/{run_id}/packets/{field}"],
    ],
  },
  {
    why: "There are no public access tokens here: create a token of the workspace, of the role member, for those who only read.",
    calls: [
      ["post", "/api/v1/auth/jwt/claims"],
      ["post", "/api/v1/auth/jwt"],
      ["post", "/api/v1/auth/public-tokens"],
    ],
  },
  {
    why: "There are no environment variables here: a job has `env`, and what is secret is kept under /v1/secrets.",
    calls: [
      ["get", "/api/v1/projects/{project_ref}/envvars/{env}"],
      ["post", "/api/v1/projects/{project_ref}/envvars/{env}"],
      ["post", "/api/v1/projects/{project_ref}/envvars/{env}/import"],
      ["get", "/api/v1/projects/{project_ref}/envvars/{env}/{name}"],
      ["put", "/api/v1/projects/{project_ref}/envvars/{env}/{name}"],
      ["delete", "/api/v1/projects/{project_ref}/envvars/{env}/{name}"],
    ],
  },
  {
    why: "Nothing is deployed here: a task is a job, which has versions (GET /v1/jobs/:id/versions).",
    calls: [
      ["get", "/api/v1/deployments"],
      ["get", "/api/v1/deployments/current"],
    ],
  },
  {
    why: "A job has one concurrency_limit; queues.overrideConcurrencyLimit changes it.",
    calls: [
      ["get", "/api/v1/concurrency-limits"],
      ["get", "/api/v1/concurrency-limits/{name}"],
      ["post", "/api/v1/concurrency-limits/{name}/override"],
      ["post", "/api/v1/concurrency-limits/{name}/pause"],
      ["post", "/api/v1/concurrency-limits/{name}/reset"],
    ],
  },
  {
    why: "Tasks do not run their own code here, so nothing waits inside of one; a job with steps waits in a step.",
    calls: [
      ["post", "/engine/v1/runs/{run_id}/wait/duration"],
      ["post", "/engine/v1/runs/{run_id}/waitpoints/tokens/{token_id}/wait"],
      ["post", "/api/v1/runs/{run_id}/input-streams/wait"],
      ["post", "/api/v1/runs/{run_id}/session-streams/wait"],
    ],
  },
  {
    why: "There are no sessions, prompts, queries or reports here.",
    calls: [
      ["get", "/api/v1/sessions"],
      ["post", "/api/v1/sessions"],
      ["get", "/api/v1/sessions/{session_id}"],
      ["get", "/api/v1/prompts"],
      ["post", "/api/v1/prompts/{name}"],
      ["post", "/api/v1/query"],
      ["get", "/api/v1/query/schema"],
      ["get", "/api/v1/query/dashboards"],
      ["get", "/api/v1/reports/{key}"],
    ],
  },
];

/** For whoever has a token; a call of theirs is no reason to tell others what there is. */
export const ABSENT_CALLS: readonly Endpoint[] = FAMILIES.flatMap(({ why, calls }) =>
  calls.map(([method, path]) => ({
    access: "read",
    contract: { id: `${method} ${path}`, method, path },
    handle: () => Promise.resolve(ok(absent(why))),
  })),
);
