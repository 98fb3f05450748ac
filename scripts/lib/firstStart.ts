/**
 * What the first start creates: a workspace, its owner token, and two sample jobs, all through the public API.
 *
 * Each step is kept in `instance.json` as soon as it is done, and the jobs carry idempotency keys: a first start that was
 * cut short is finished by the next one, with nothing doubled but, at worst, an empty workspace.
 */

import { apiFailure, callApi } from "./client.ts";
import { saveState } from "./instanceState.ts";
import type { InstanceState } from "./instanceState.ts";

const WORKSPACE_NAME = "local";

export interface OpenState extends InstanceState {
  readonly workspace: NonNullable<InstanceState["workspace"]>;
  readonly ownerToken: string;
}

/** The state with a workspace in it, created now if there was none. */
export async function openWorkspace(
  baseUrl: string,
  stateDir: string,
  state: InstanceState,
  token: string | null,
): Promise<OpenState> {
  if (state.workspace !== null && state.ownerToken !== null) {
    return { ...state, workspace: state.workspace, ownerToken: state.ownerToken };
  }
  const answer = await callApi(baseUrl, {
    method: "POST",
    path: "/v1/workspaces",
    token: state.adminToken,
    body: { name: WORKSPACE_NAME, ...(token === null ? {} : { owner_token: token }) },
  });
  if (answer.status !== 201) throw apiFailure("The workspace could not be created", answer);
  const created = answer.json as { workspace: { id: string; name: string }; token: { token: string } };
  const open = {
    ...state,
    workspace: { id: created.workspace.id, name: created.workspace.name },
    ownerToken: created.token.token,
  };
  saveState(stateDir, open);
  return open;
}

/** Creates the sample jobs, or notes that none are wanted; does nothing when an earlier start has decided that. */
export async function createSamples(
  baseUrl: string,
  stateDir: string,
  state: OpenState,
  samples: { readonly wanted: boolean; readonly targetUrl: string },
): Promise<OpenState> {
  if (state.sampleJobIds !== null) return state;
  const sampleJobIds: string[] = [];
  for (const job of samples.wanted ? sampleJobs(samples.targetUrl) : []) {
    const answer = await callApi(baseUrl, {
      method: "POST",
      path: "/v1/jobs",
      token: state.ownerToken,
      headers: { "idempotency-key": job.name },
      body: job,
    });
    if (answer.status !== 201 && answer.status !== 200) throw apiFailure(`${job.name} could not be created`, answer);
    sampleJobIds.push((answer.json as { id: string }).id);
  }
  const decided = { ...state, sampleJobIds };
  saveState(stateDir, decided);
  return decided;
}

function sampleJobs(targetUrl: string) {
  return [
    {
      name: "sample-recurring",
      kind: "recurring",
      schedule: { every_n_minutes: 1 },
      request: { method: "GET", url: `${targetUrl}/ok` },
    },
    {
      // Its target fails twice, so that the first line on the terminal shows a retry.
      name: "sample-one-time",
      kind: "one_time",
      request: { method: "GET", url: `${targetUrl}/flaky` },
      retry_policy: { max_attempts: 5, retry_on_statuses: [503] },
    },
  ];
}
