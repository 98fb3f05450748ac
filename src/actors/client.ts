/** The actors as the rest of the Worker sees them: one address per job, a fresh stub for every call. */

import type { JobActors } from "../app/ports.ts";
import type { JobActorProtocol } from "../domain/engine/protocol.ts";
import { jobKey } from "../domain/ids.ts";
import type { JobActor } from "./job/JobActor.ts";

export function createJobActors(namespace: DurableObjectNamespace<JobActor>): JobActors {
  return {
    // A stub has the methods of the protocol; its type wraps every answer in RPC types that plain data does not need.
    of: (id) => namespace.getByName(jobKey(id)) as unknown as JobActorProtocol,
  };
}
