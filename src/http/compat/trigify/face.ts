/** The Trigify API: workflows and their executions, to be read. */

import type { Face } from "../../face.ts";
import { refuse } from "./envelope.ts";
import { getExecutionEndpoint, listExecutionsEndpoint } from "./executions.ts";
import { getWorkflowEndpoint, listWorkflowsEndpoint } from "./workflows.ts";

export const trigifyFace: Face = {
  name: "trigify",
  endpoints: [listExecutionsEndpoint, getExecutionEndpoint, listWorkflowsEndpoint, getWorkflowEndpoint],
  // No other API has these paths.
  speaks: () => true,
  owns: (pathname) => /^\/v1\/workflows(?:\/|$)/.test(pathname),
  refuse,
};
